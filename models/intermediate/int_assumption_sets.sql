with

assumptions as (

    select * from {{ ref('assumptions') }}

),

-- Every assumption at each of its ends.
valued as (

    select
        assumptions.assumption,
        ends.assumption_end,
        case ends.assumption_end
            when 'low' then assumptions.low
            when 'high' then assumptions.high
            else assumptions.central
        end as assumed_value,
        coalesce(assumptions.low = assumptions.high, false) as is_fixed
    from assumptions
    cross join (values ('low'), ('central'), ('high')) as ends (assumption_end)

),

-- All assumptions at one end together, or one that has a range while the others stay central.
sets as (

    select distinct
        'all' as varied_assumption,
        assumption_end
    from valued
    union all
    select
        assumption as varied_assumption,
        assumption_end
    from valued
    where assumption_end <> 'central' and not is_fixed

),

final as (

    select
        sets.varied_assumption,
        sets.assumption_end,
        max(valued.assumption_end) filter (where valued.assumption = 'expected_churn_rate') as expected_churn_rate_end,
        max(valued.assumed_value) filter (where valued.assumption = 'save_rate') as save_rate,
        max(valued.assumed_value) filter (where valued.assumption = 'take_up_of_stayers') as take_up_of_stayers,
        max(valued.assumed_value) filter (where valued.assumption = 'contact_cost') as contact_cost,
        max(valued.assumed_value) filter (where valued.assumption = 'offer_cost') as offer_cost,
        max(valued.assumed_value) filter (where valued.assumption = 'margin_on_balance') as margin_on_balance,
        max(valued.assumed_value) filter (where valued.assumption = 'fee_per_product') as fee_per_product,
        max(valued.assumed_value) filter (where valued.assumption = 'years_kept') as years_kept,
        max(valued.assumed_value) filter (where valued.assumption = 'discount_rate') as discount_rate,
        max(valued.assumed_value) filter (where valued.assumption = sets.varied_assumption) as varied_value
    from sets
    inner join valued
        on
            case when sets.varied_assumption in ('all', valued.assumption) then sets.assumption_end else 'central' end
            = valued.assumption_end
    group by sets.varied_assumption, sets.assumption_end

)

select * from final
