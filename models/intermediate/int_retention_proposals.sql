with

proposals as (

    select * from {{ ref('proposals') }}

),

segment_counts as (

    select * from {{ ref('int_segment_counts') }}

),

lookalikes as (

    select * from {{ ref('int_segment_lookalikes') }}

),

final as (

    select
        proposals.segment_id,
        proposals.proposal_id,
        proposals.title_ru,
        proposals.title_en,
        proposals.offer_ru,
        proposals.offer_en,
        proposals.why_ru,
        proposals.why_en,
        proposals.condition_ru,
        proposals.condition_en,
        segment_counts.clients - segment_counts.churned_clients as target_clients,
        lookalikes.lookalike_clients,
        lookalikes.lookalike_churned_clients
    from proposals
    inner join segment_counts on proposals.segment_id = segment_counts.segment_id
    inner join lookalikes on proposals.segment_id = lookalikes.segment_id

)

select * from final
