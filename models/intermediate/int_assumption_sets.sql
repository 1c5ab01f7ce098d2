with

assumptions as (

    select * from {{ ref('assumptions') }}

),

ends as (

    select 'low' as assumption_end
    union all
    select 'central' as assumption_end
    union all
    select 'high' as assumption_end

),

-- All assumptions at one end together, or one that has a range while the others stay central.
sets as (

    select
        'all' as varied_assumption,
        assumption_end
    from ends
    union all
    select
        assumptions.assumption as varied_assumption,
        ends.assumption_end
    from assumptions
    cross join ends
    where ends.assumption_end <> 'central' and not coalesce(assumptions.low = assumptions.high, false)

),

chosen as (

    select
        sets.varied_assumption,
        sets.assumption_end,
        assumptions.assumption,
        case
            when sets.varied_assumption not in ('all', assumptions.assumption) then 'central'
            else sets.assumption_end
        end as chosen_end,
        assumptions.low,
        assumptions.central,
        assumptions.high
    from sets
    cross join assumptions

),

valued as (

    select
        varied_assumption,
        assumption_end,
        assumption,
        chosen_end,
        case chosen_end when 'low' then low when 'high' then high else central end as chosen_value
    from chosen

),

final as (

    select
        varied_assumption,
        assumption_end,
        max(chosen_end) filter (where assumption = 'expected_churn_rate') as expected_churn_rate_end,
        max(chosen_value) filter (where assumption = 'save_rate') as save_rate,
        max(chosen_value) filter (where assumption = 'take_up_of_stayers') as take_up_of_stayers,
        max(chosen_value) filter (where assumption = 'contact_cost') as contact_cost,
        max(chosen_value) filter (where assumption = 'offer_cost') as offer_cost,
        max(chosen_value) filter (where assumption = 'margin_on_balance') as margin_on_balance,
        max(chosen_value) filter (where assumption = 'fee_per_product') as fee_per_product,
        max(chosen_value) filter (where assumption = 'years_kept') as years_kept,
        max(chosen_value) filter (where assumption = 'discount_rate') as discount_rate
    from valued
    group by varied_assumption, assumption_end

)

select * from final
