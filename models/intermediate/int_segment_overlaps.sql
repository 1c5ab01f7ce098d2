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

final as (

    select
        candidates.candidate_id,
        segments.segment_id,
        cast(sum(cells.clients) as bigint) as shared_clients,
        cast(candidates.clients - sum(cells.clients) as bigint) as other_clients,
        cast(candidates.churned_clients - sum(cells.churned_clients) as bigint) as other_churned_clients,
        {{ rate('sum(cells.clients)', '(candidates.clients + segments.clients - sum(cells.clients))') }} as overlap
    from candidates
    inner join search_cells on candidates.candidate_id = search_cells.candidate_id
    inner join cells on search_cells.cell_id = cells.cell_id
    inner join segments on {{ has_part('cells.segment_ids', ',', 'segments.segment_id') }}
    group by
        candidates.candidate_id, candidates.clients, candidates.churned_clients, segments.segment_id, segments.clients

)

select * from final
