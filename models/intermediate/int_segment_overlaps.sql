with

candidates as (

    select * from {{ ref('int_segment_candidates') }}

),

search_cells as (

    select * from {{ ref('int_segment_search_cells') }}
    where depth is not null

),

cells as (

    select * from {{ ref('int_driver_cells') }}

),

segments as (

    select * from {{ ref('int_segment_counts') }}

),

shared as (

    select
        search_cells.candidate_id,
        segments.segment_id,
        cast(sum(cells.clients) as bigint) as shared_clients
    from search_cells
    inner join cells on search_cells.cell_id = cells.cell_id
    inner join segments on {{ has_part('cells.segment_ids', ',', 'segments.segment_id') }}
    group by search_cells.candidate_id, segments.segment_id

),

final as (

    select
        shared.candidate_id,
        shared.segment_id,
        shared.shared_clients,
        {{ rate(
            'shared.shared_clients', '(candidates.clients + segments.clients - shared.shared_clients)'
        ) }} as overlap
    from shared
    inner join candidates on shared.candidate_id = candidates.candidate_id
    inner join segments on shared.segment_id = segments.segment_id

)

select * from final
