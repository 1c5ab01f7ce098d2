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

digits as (

    select {{ each_part("'0,1,2,3,4,5,6,7,8,9'", ',') }} as digit

),

-- Tenths of a percent, as a save rate is shown.
thousandths as (

    select 1 + cast(hundreds.digit as int) * 100 + cast(tens.digit as int) * 10 + cast(ones.digit as int) as thousandth
    from digits as hundreds
    cross join digits as tens
    cross join digits as ones

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
        thousandths.thousandth / cast(1000 as double) as detected_save_rate
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
        expected_churn_rate as control_churn_rate,
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
