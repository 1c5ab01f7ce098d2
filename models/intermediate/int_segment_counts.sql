{#- Without a product count, a client counts as one product; without a balance there is no margin on it. #}
{%- set products = 'cells.product_count' if product_count() == 'product_count' else 1 %}
{%- set has_balance = number_traits() | selectattr('trait', 'equalto', 'balance') | list %}
{%- set balance = 'cells.balance_kopecks_total' if has_balance else wide_integer(0) %}
{%- set is_applicable = 'not ' ~ is_one_of('named.segment_id', inapplicable_segments()) %}

with

cells as (

    select * from {{ ref('int_client_cells') }}

),

segments as (

    select * from {{ ref('segments') }}

),

-- From the segments, not from the clients: a segment without clients has a row, too.
named as (

    select segment_id
    from segments
    union all
    select 'none' as segment_id

),

final as (

    select
        named.segment_id,
        case when {{ is_applicable }} then cast(coalesce(sum(cells.clients), 0) as bigint) end as clients,
        case when {{ is_applicable }} then {{ sum_where('cells.clients', 'cells.is_churned') }} end as churned_clients,
        case when {{ is_applicable }} then {{ sum_where('cells.clients', 'not cells.is_churned') }} end
            as active_clients,
        {{ sum_where(products ~ ' * cells.clients', 'not cells.is_churned') }} as active_products,
        coalesce(sum({{ balance }}) filter (where not cells.is_churned), 0) as active_balance_kopecks
    from named
    left join cells
        on
            case
                when cells.segment_ids = '' then named.segment_id = 'none'
                else {{ has_part('cells.segment_ids', ',', 'named.segment_id') }}
            end
    group by named.segment_id

)

select * from final
