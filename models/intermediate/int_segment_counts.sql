{#- Without a product count, a client counts as one product; without a balance there is no margin on it. #}
{%- set products = 'product_count' if product_count() == 'product_count' else 1 %}
{%- set has_balance = number_traits() | selectattr('trait', 'equalto', 'balance') | list %}
{%- set balance = 'balance_kopecks_total' if has_balance else wide_integer(0) %}
{%- set is_applicable = 'not ' ~ is_one_of('segment_id', inapplicable_segments()) %}

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

-- A segment of active clients has no churn of its own; the clients who would be in it, had they stayed, do.
alike as (

    select
        named.segment_id,
        cells.*,
        named.segment_id = 'none' or {{ has_part('cells.segment_ids', ',', 'named.segment_id') }} as is_in_segment
    from named
    left join cells
        on
            case
                when named.segment_id = 'none' then cells.segment_ids = ''
                else {{ has_part('cells.lookalike_segment_ids', ',', 'named.segment_id') }}
            end

),

final as (

    select
        segment_id,
        case when {{ is_applicable }} then {{ sum_where('clients', 'is_in_segment') }} end as clients,
        case when {{ is_applicable }} then {{ sum_where('clients', 'is_in_segment and is_churned') }} end
            as churned_clients,
        case when {{ is_applicable }} then {{ sum_where('clients', 'is_in_segment and not is_churned') }} end
            as active_clients,
        {{ sum_where(products ~ ' * clients', 'is_in_segment and not is_churned') }} as active_products,
        coalesce(sum({{ balance }}) filter (where is_in_segment and not is_churned), 0) as active_balance_kopecks,
        case when {{ is_applicable }} then cast(coalesce(sum(clients), 0) as bigint) end as lookalike_clients,
        case when {{ is_applicable }} then {{ sum_where('clients', 'is_churned') }} end as lookalike_churned_clients
    from alike
    group by segment_id

)

select * from final
