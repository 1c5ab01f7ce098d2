with

profits as (

    select * from {{ ref('int_retention_profits') }}
    where varied_assumption <> 'all'

),

-- The value of the assumption that was varied, whatever its column.
varied as (

    select
        segment_id,
        proposal_id,
        varied_assumption,
        assumption_end,
        profit,
        is_too_small,
        case varied_assumption
            when 'expected_churn_rate' then expected_churn_rate
            when 'save_rate' then save_rate
            when 'take_up_of_stayers' then take_up_of_stayers
            when 'contact_cost' then contact_cost
            when 'offer_cost' then offer_cost
            when 'margin_on_balance' then margin_on_balance
            when 'fee_per_product' then fee_per_product
            when 'years_kept' then years_kept
            when 'discount_rate' then discount_rate
        end as assumed_value
    from profits

),

ends as (

    select
        segment_id,
        proposal_id,
        varied_assumption as assumption,
        max(assumed_value) filter (where assumption_end = 'low') as value_low,
        max(assumed_value) filter (where assumption_end = 'high') as value_high,
        max(profit) filter (where assumption_end = 'low') as profit_low,
        max(profit) filter (where assumption_end = 'high') as profit_high,
        is_too_small
    from varied
    group by segment_id, proposal_id, varied_assumption, is_too_small

),

final as (

    select
        segment_id,
        proposal_id,
        assumption,
        value_low,
        value_high,
        profit_low,
        profit_high,
        abs(profit_high - profit_low) as profit_range,
        (profit_low > 0) <> (profit_high > 0) as is_decisive,
        {{ rank_among(
            'profit_low is not null', order='abs(profit_high - profit_low) desc, assumption',
            per='segment_id, proposal_id'
        ) }} as sensitivity_rank,
        is_too_small
    from ends

)

select * from final
