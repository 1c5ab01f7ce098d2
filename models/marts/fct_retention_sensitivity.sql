with

profits as (

    select * from {{ ref('int_retention_profits') }}
    where varied_assumption <> 'all'

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
    from profits
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
        {{ rank_among(
            'profit_low is not null', order='abs(profit_high - profit_low) desc, assumption',
            per='segment_id, proposal_id'
        ) }} as sensitivity_rank,
        is_too_small
    from ends

)

select * from final
