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
        cast(coalesce(sum(cells.clients), 0) as bigint) as target_clients,
        cast(coalesce(sum(cells.product_count * cells.clients), 0) as bigint) as products_total,
        coalesce(sum(cells.balance_kopecks_total), 0) as balance_kopecks_total
    from segments
    left join cells
        on not cells.is_churned and {{ has_part('cells.segment_ids', ',', 'segments.segment_id') }}
    group by segments.segment_id

)

select * from final
