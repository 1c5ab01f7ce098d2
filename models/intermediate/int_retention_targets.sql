{#- Without a product count, a client counts as one product; without a balance there is no margin on it. #}
{%- set products = 'cells.product_count' if product_count() == 'product_count' else 1 %}
{%- set has_balance = number_traits() | selectattr('trait', 'equalto', 'balance') | list %}
{%- set balance = 'cells.balance_kopecks_total' if has_balance else wide_integer(0) %}

with

segments as (

    select * from {{ ref('segments') }}

),

cells as (

    select * from {{ ref('int_client_cells') }}

),

final as (

    select
        segments.segment_id,
        case
            when not {{ is_one_of('segments.segment_id', inapplicable_segments()) }}
                then cast(coalesce(sum(cells.clients), 0) as bigint)
        end as target_clients,
        cast(coalesce(sum({{ products }} * cells.clients), 0) as bigint) as products_total,
        coalesce(sum({{ balance }}), 0) as balance_kopecks_total
    from segments
    left join cells
        on not cells.is_churned and {{ has_part('cells.segment_ids', ',', 'segments.segment_id') }}
    group by segments.segment_id

)

select * from final
