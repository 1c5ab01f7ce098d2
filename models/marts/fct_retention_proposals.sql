with

proposals as (

    select * from {{ ref('proposals') }}

),

segment_counts as (

    select * from {{ ref('int_segment_counts') }}

),

profits as (

    select * from {{ ref('int_retention_profits') }}
    where varied_assumption = 'all' and assumption_end = 'central'

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
        profits.target_clients,
        segment_counts.lookalike_clients,
        segment_counts.lookalike_churned_clients,
        profits.expected_churn_rate as lookalike_churn_rate,
        profits.target_clients * profits.expected_churn_rate as expected_churned_clients,
        {{ rank_among(
            'not profits.is_too_small',
            order='profits.profit desc nulls last, proposals.segment_id, proposals.proposal_id'
        ) }} as proposal_rank,
        profits.is_profitable,
        profits.is_too_small
    from proposals
    inner join profits
        on proposals.segment_id = profits.segment_id and proposals.proposal_id = profits.proposal_id
    inner join segment_counts on proposals.segment_id = segment_counts.segment_id

)

select * from final
