with

pilots as (

    select * from {{ ref('pilots') }}

),

quantiles as (

    select * from {{ ref('normal_quantiles') }}

),

profits as (

    select * from {{ ref('int_retention_profits') }}
    where varied_assumption = 'all' and assumption_end = 'central'

),

undefined_reasons as (

    select * from {{ ref('undefined_reasons') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

-- Tenths of a percent, as a save rate is shown.
thousandths as (

    select {{ each_part("'" ~ range(1, 1001) | join(',') ~ "'", ',') }} as thousandth

),

planned as (

    select
        pilots.*,
        profits.target_clients as available_clients,
        profits.expected_churn_rate as control_churn_rate,
        case when profits.reason_code is null then profits.break_even_save_rate end as save_rate_to_prove,
        profits.is_profitable,
        case when profits.break_even_save_rate = 0 then 'costs_nothing' else profits.reason_code end as reason_code,
        significance.quantile as significance_quantile,
        power.quantile as power_quantile,
        profits.is_too_small
    from profits
    inner join pilots on profits.segment_id = pilots.segment_id and profits.proposal_id = pilots.proposal_id
    left join quantiles as significance
        on abs(significance.probability - (1 - pilots.significance_level / 2)) < 1e-9
    left join quantiles as power on abs(power.probability - pilots.power) < 1e-9

),

supposed as (

    select
        planned.*,
        cast(thousandths.thousandth as double) / 1000 as save_rate
    from planned
    cross join thousandths

),

-- What all clients of the segment, in two arms, could tell from none, and from what pays.
attainable as (

    select
        segment_id,
        proposal_id,
        min(save_rate) filter (
            where 2 * ceil(
                {{ clients_per_arm(
                    'control_churn_rate',
                    'control_churn_rate * (1 - save_rate)',
                    'significance_quantile',
                    'power_quantile'
                ) }}
            ) <= available_clients
        ) as smallest_detectable_save_rate,
        min(save_rate) filter (
            where save_rate > save_rate_to_prove and 2 * ceil(
                {{ clients_per_arm_for_ratio(
                    'control_churn_rate',
                    'control_churn_rate * (1 - save_rate)',
                    '(1 - save_rate_to_prove)',
                    'significance_quantile',
                    'power_quantile'
                ) }}
            ) <= available_clients
        ) as smallest_provable_save_rate
    from supposed
    group by segment_id, proposal_id

),

sized as (

    select
        *,
        control_churn_rate * (1 - save_rate_to_prove) as offer_churn_rate,
        cast(
            ceil(
                {{ clients_per_arm(
                    'control_churn_rate', 'offer_churn_rate', 'significance_quantile', 'power_quantile'
                ) }}
            ) as bigint
        ) as clients_per_arm
    from planned

),

final as (

    select
        sized.segment_id,
        sized.proposal_id,
        sized.available_clients,
        sized.control_churn_rate,
        sized.offer_churn_rate,
        sized.save_rate_to_prove,
        sized.significance_level,
        sized.power,
        sized.clients_per_arm,
        2 * sized.clients_per_arm <= sized.available_clients as is_large_enough,
        attainable.smallest_detectable_save_rate,
        attainable.smallest_provable_save_rate,
        sized.mismatch_level,
        bank.minimum_clients,
        sized.duration_months,
        sized.arm_strata,
        sized.guard_metric_ru,
        sized.guard_metric_en,
        sized.is_profitable,
        undefined_reasons.reason_ru,
        undefined_reasons.reason_en,
        sized.is_too_small
    from sized
    left join attainable on sized.segment_id = attainable.segment_id and sized.proposal_id = attainable.proposal_id
    left join undefined_reasons on sized.reason_code = undefined_reasons.reason_code
    cross join bank

)

select * from final
