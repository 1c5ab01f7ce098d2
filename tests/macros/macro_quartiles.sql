-- Type 7, as quantile() of R and numpy: at positions (n - 1) * p of the sorted values, counted from 0.
with

cases as (

    select *
    from (
        values
        ('one value', [7], [7, 7, 7]),
        ('between two', [1, 2], [1.25, 1.5, 1.75]),
        ('four', [4, 1, 3, 2], [1.75, 2.5, 3.25]),
        -- Sorted 1 1 2 3 4 5 6 9: positions 1.75, 3.5 and 5.25.
        ('ties', [3, 1, 4, 1, 5, 9, 2, 6], [1.75, 3.5, 5.25]),
        ('NULL does not count', [1, null, 2, null], [1.25, 1.5, 1.75]),
        ('nothing', [null], null)
    ) as cases (case_name, given, expected)

),

given_values as (

    select
        case_name,
        cast(unnest(given) as decimal(18, 2)) as given_value
    from cases

),

actual as (

    select
        case_name,
        {{ quartiles('given_value') }} as actual
    from given_values
    group by case_name

)

select
    actual.case_name,
    actual.actual,
    cases.expected
from actual
inner join cases on actual.case_name = cases.case_name
where actual.actual is distinct from cast(cases.expected as double[])
