select *
from (
    values
    (4, {{ wide_integer('800') }}, 100, 2e0),
    (2, {{ wide_integer('3') }}, 1, 1.5e0),
    (4, {{ wide_integer('-2') }}, 1, -0.5e0),
    (0, {{ wide_integer('null') }}, 1, null),
    (0, {{ wide_integer('0') }}, 1, null),
    -- 100 million clients with a billion rubles each: 10^19 kopecks, beyond a 64-bit integer.
    (100000000, {{ wide_integer("'10000000000000000000'") }}, 100, 1e9)
) as cases (clients, total, units, expected)
where {{ mean('clients', 'total', 'units') }} is distinct from expected
