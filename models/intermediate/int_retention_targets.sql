{%- set totals = number_traits() | map(attribute='total') | list %}
{%- set categories = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | map(attribute='trait') | list %}

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
        -- What a client is worth is not known where the bank has neither.
        {%- if 'product_count' in categories and 'balance_kopecks_total' in totals %}
        cast(coalesce(sum(cells.product_count * cells.clients), 0) as bigint) as products_total,
        coalesce(sum(cells.balance_kopecks_total), 0) as balance_kopecks_total
        {%- else %}
        cast(null as bigint) as products_total,
        cast(null as bigint) as balance_kopecks_total
        {%- endif %}
    from segments
    left join cells
        on not cells.is_churned and {{ has_part('cells.segment_ids', ',', 'segments.segment_id') }}
    group by segments.segment_id

)

select * from final
