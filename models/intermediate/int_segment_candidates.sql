with

search_cells as (

    select * from {{ ref('int_segment_search_cells') }}
    where depth is not null

),

cells as (

    select * from {{ ref('int_driver_cells') }}

),

final as (

    select
        search_cells.candidate_id,
        search_cells.conditions,
        search_cells.depth,
        cast(sum(cells.clients) as bigint) as clients,
        cast(sum(cells.churned_clients) as bigint) as churned_clients
    from search_cells
    inner join cells on search_cells.cell_id = cells.cell_id
    group by search_cells.candidate_id, search_cells.conditions, search_cells.depth

)

select * from final
