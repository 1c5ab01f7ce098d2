with

cases as (

    select *
    from (
        values
        (1, 4, 0.25e0),
        (0, 4, 0e0),
        (4, 4, 1e0),
        -- Whole numbers are not divided as whole numbers, and none is lost beyond 2^31.
        (3, 2, 1.5e0),
        (2500000000, 10000000000, 0.25e0),
        (0, 0, null),
        (null, 4, null)
    ) as cases (part, whole, expected)

),

actual as (

    select
        *,
        {{ rate('part', 'whole') }} as actual,
        -- As it is called with an expression, too.
        {{ rate('(whole - part)', 'whole') }} + {{ rate('part', 'whole') }} as parts_together
    from cases

)

select *
from actual
where actual is distinct from expected or parts_together <> 1
