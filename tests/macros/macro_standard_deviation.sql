with

actual as (

    select
        *,
        {{ standard_deviation(
            'clients', wide_integer('total'), wide_integer('total_squares'), 'units'
        ) }} as actual
    from (
        values
        -- 5, 1, 1, 1 rubles in kopecks: deviations 3, -1, -1, -1 from 2; 12 / 3 = 2^2.
        (4, '800', '280000', 100, 2e0),
        (3, '9', '27', 1, 0e0),
        (1, '5', '25', 1, null),
        (0, null, null, 1, null),
        -- NIST StRD NumAcc4 in tenths: one 10000000.2 and 500 each of 10000000.1 and 10000000.3; certified 0.1 exactly.
        (1001, '100100002002', '10010000400400005004', 10, 0.1e0),
        -- 100 million clients, half with nothing, half with 10^11 kopecks: close to the largest 128-bit integer.
        -- Variance 10^22 / 4 * n / (n - 1): the root is 5 * 10^10 * (1 + 5 * 10^-9) kopecks.
        (100000000, '5000000000000000000', '500000000000000000000000000000', 100, 500000002.5e0)
    ) as cases (clients, total, total_squares, units, expected)

)

select *
from actual
where
    (actual is null) <> (expected is null)
    or abs(actual - expected) > 1e-15 * expected
