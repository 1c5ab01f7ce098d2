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

-- What all clients of the segment could show, in two arms.
detectable as (

    select
        planned.segment_id,
        planned.proposal_id,
        min(cast(thousandths.thousandth as double) / 1000) as smallest_detectable_save_rate
    from planned
    cross join thousandths
    where
        2 * ceil(
            {{ clients_per_arm(
                'planned.control_churn_rate',
                'planned.control_churn_rate * (1 - cast(thousandths.thousandth as double) / 1000)',
                'planned.significance_quantile',
                'planned.power_quantile'
            ) }}
        ) <= planned.available_clients
    group by planned.segment_id, planned.proposal_id

),

rated as (

    select
        *,
        control_churn_rate * (1 - save_rate_to_prove) as offer_churn_rate
    from planned

),

sized as (

    select
        *,
        cast(
            ceil(
                {{ clients_per_arm(
                    'control_churn_rate', 'offer_churn_rate', 'significance_quantile', 'power_quantile'
                ) }}
            ) as bigint
        ) as clients_per_arm
    from rated

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
        detectable.smallest_detectable_save_rate,
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
    left join detectable on sized.segment_id = detectable.segment_id and sized.proposal_id = detectable.proposal_id
    left join undefined_reasons on sized.reason_code = undefined_reasons.reason_code
    cross join bank

)

select * from final
