with

pilots as (

    select * from {{ ref('pilots') }}

),

profits as (

    select * from {{ ref('int_retention_profits') }}
    where varied_assumption = 'all' and assumption_end = 'central'

),

effects as (

    select * from {{ ref('int_pilot_effects') }}

),

undefined_reasons as (

    select * from {{ ref('undefined_reasons') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

designed as (

    select
        profits.segment_id,
        profits.proposal_id,
        profits.target_clients as available_clients,
        profits.expected_churn_rate as control_churn_rate,
        max(effects.offer_churn_rate) filter (where effects.is_break_even) as offer_churn_rate,
        max(effects.detected_save_rate) filter (where effects.is_break_even) as save_rate_to_prove,
        max(effects.clients_per_arm) filter (where effects.is_break_even) as clients_per_arm,
        min(effects.detected_save_rate) filter (
            where not effects.is_break_even and 2 * effects.clients_per_arm <= profits.target_clients
        ) as smallest_detectable_save_rate,
        case when profits.break_even_save_rate = 0 then 'costs_nothing' else profits.reason_code end as reason_code,
        profits.is_too_small
    from profits
    left join effects
        on profits.segment_id = effects.segment_id and profits.proposal_id = effects.proposal_id
    group by all

),

final as (

    select
        designed.segment_id,
        designed.proposal_id,
        designed.available_clients,
        designed.control_churn_rate,
        designed.offer_churn_rate,
        designed.save_rate_to_prove,
        pilots.significance_level,
        pilots.power,
        designed.clients_per_arm,
        2 * designed.clients_per_arm <= designed.available_clients as is_large_enough,
        designed.smallest_detectable_save_rate,
        pilots.mismatch_level,
        bank.minimum_clients,
        pilots.duration_months,
        pilots.arm_strata,
        pilots.guard_metric_ru,
        pilots.guard_metric_en,
        undefined_reasons.reason_ru,
        undefined_reasons.reason_en,
        designed.is_too_small
    from designed
    inner join pilots on designed.segment_id = pilots.segment_id and designed.proposal_id = pilots.proposal_id
    left join undefined_reasons on designed.reason_code = undefined_reasons.reason_code
    cross join bank

)

select * from final
