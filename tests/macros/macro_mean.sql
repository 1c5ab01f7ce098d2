with

cases as (

    select *
    from (
        values
        (4, cast(800 as hugeint), 100, 2e0),
        (2, cast(3 as hugeint), 1, 1.5e0),
        (4, cast(-2 as hugeint), 1, -0.5e0),
        (0, cast(null as hugeint), 1, null),
        (0, cast(0 as hugeint), 1, null),
        -- 100 million clients with a billion rubles each: 10^19 kopecks, beyond a 64-bit integer.
        (100000000, cast('10000000000000000000' as hugeint), 100, 1e9)
    ) as cases (clients, total, units, expected)

),

actual as (

    select
        *,
        {{ mean('clients', 'total', 'units') }} as actual
    from cases

)

select *
from actual
where actual is distinct from expected
