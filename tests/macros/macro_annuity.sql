with

cases as (

    select *
    from (
        values
        -- By hand: 1 / 1.1; 1 / 1.1 + 1 / 1.21; 3 years of nothing taken off; and a tenth off forever is 10 in the end.
        (1.0e0, 0.1e0, 0.9090909090909091e0),
        (2.0e0, 0.1e0, 1.7355371900826446e0),
        (3.0e0, 0.0e0, 3.0e0),
        (500.0e0, 0.1e0, 10.0e0),
        (0.0e0, 0.1e0, 0.0e0)
    ) as cases (years, discount_rate, expected)

),

actual as (

    select
        *,
        {{ annuity('years', 'discount_rate') }} as actual
    from cases

)

select *
from actual
where actual is null or abs(actual - expected) > 1e-12
