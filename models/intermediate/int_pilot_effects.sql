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

-- Tenths of a percent, as a save rate is shown.
thousandths as (

    select {{ each_part("'" ~ range(1, 1001) | join(',') ~ "'", ',') }} as thousandth

),

planned as (

    select
        profits.segment_id,
        profits.proposal_id,
        profits.expected_churn_rate,
        profits.break_even_save_rate,
        profits.reason_code,
        significance.quantile as significance_quantile,
        power.quantile as power_quantile
    from profits
    inner join pilots on profits.segment_id = pilots.segment_id and profits.proposal_id = pilots.proposal_id
    left join quantiles as significance
        on abs(significance.probability - (1 - pilots.significance_level / 2)) < 1e-9
    left join quantiles as power on abs(power.probability - pilots.power) < 1e-9

),

effects as (

    select
        planned.*,
        false as is_break_even,
        cast(thousandths.thousandth as double) / 1000 as detected_save_rate
    from planned
    cross join thousandths
    union all
    select
        planned.*,
        true as is_break_even,
        planned.break_even_save_rate as detected_save_rate
    from planned
    where planned.reason_code is null

),

rated as (

    select
        *,
        expected_churn_rate * (1 - detected_save_rate) as offer_churn_rate
    from effects

),

final as (

    select
        segment_id,
        proposal_id,
        is_break_even,
        detected_save_rate,
        offer_churn_rate,
        cast(
            ceil(
                {{ clients_per_arm(
                    'expected_churn_rate', 'offer_churn_rate', 'significance_quantile', 'power_quantile'
                ) }}
            ) as bigint
        ) as clients_per_arm
    from rated

)

select * from final
