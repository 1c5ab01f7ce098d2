with

profits as (

    select * from {{ ref('int_retention_profits') }}
    where varied_assumption = 'all'

),

undefined_reasons as (

    select * from {{ ref('undefined_reasons') }}

),

final as (

    select
        profits.segment_id,
        profits.proposal_id,
        profits.assumption_end as scenario,
        profits.target_clients,
        profits.expected_churn_rate,
        profits.save_rate,
        profits.take_up_of_stayers,
        profits.contact_cost,
        profits.offer_cost,
        profits.value_of_kept_client,
        profits.profit,
        profits.is_profitable,
        profits.break_even_save_rate,
        profits.break_even_value,
        undefined_reasons.reason_ru,
        undefined_reasons.reason_en,
        profits.is_too_small
    from profits
    left join undefined_reasons on profits.reason_code = undefined_reasons.reason_code

)

select * from final
