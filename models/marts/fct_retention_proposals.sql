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

bank as (

    select * from {{ ref('int_bank_totals') }}

),

expected as (

    select
        proposals.*,
        profits.target_clients,
        profits.is_profitable,
        profits.is_too_small,
        segment_counts.lookalike_clients,
        segment_counts.lookalike_churned_clients,
        {{ rate('segment_counts.lookalike_churned_clients', 'segment_counts.lookalike_clients') }}
            as lookalike_churn_rate,
        {{ wilson_low('segment_counts.lookalike_churned_clients', 'segment_counts.lookalike_clients') }}
            as lookalike_churn_rate_low,
        {{ wilson_high('segment_counts.lookalike_churned_clients', 'segment_counts.lookalike_clients') }}
            as lookalike_churn_rate_high,
        bank.bank_churn_rate
    from proposals
    inner join profits
        on proposals.segment_id = profits.segment_id and proposals.proposal_id = profits.proposal_id
    inner join segment_counts on proposals.segment_id = segment_counts.segment_id
    cross join bank

),

compared as (

    select
        *,
        target_clients * lookalike_churn_rate as expected_churned_clients,
        {{ position_against('lookalike_churn_rate_low', 'lookalike_churn_rate_high', 'bank_churn_rate') }}
            as lookalike_churn_rate_position
    from expected

),

final as (

    select
        segment_id,
        proposal_id,
        title_ru,
        title_en,
        offer_ru,
        offer_en,
        why_ru,
        why_en,
        condition_ru,
        condition_en,
        target_clients,
        lookalike_clients,
        lookalike_churned_clients,
        lookalike_churn_rate,
        lookalike_churn_rate_position,
        expected_churned_clients,
        {{ rank_among('not is_too_small', order='expected_churned_clients desc, segment_id, proposal_id') }}
            as proposal_rank,
        is_profitable,
        is_too_small
    from compared

)

select * from final
