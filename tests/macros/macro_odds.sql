-- E-values that VanderWeele and Ding (2017) print: of 3.9 and its limit 1.8, and of 0.8; and an odds ratio by hand.
with

cases as (

    select
        {{ e_value('3.9e0') }} as actual,
        7.26 as expected
    union all
    select
        {{ e_value('1.8e0') }} as actual,
        3.0 as expected
    union all
    select
        {{ e_value('0.8e0') }} as actual,
        1.81 as expected
    union all
    select
        {{ e_value('1.0e0') }} as actual,
        1.0 as expected
    union all
    -- 5/40 over 20/5
    select
        {{ odds_ratio(5, 45, 20, 25) }} as actual,
        0.03125 as expected
    union all
    select
        coalesce({{ odds_ratio(5, 5, 20, 25) }}, -1) as actual,
        -1 as expected

)

select *
from cases
where actual is null or abs(actual - expected) > 0.005
