with

positioned as (

    select
        *,
        {{ position_against('low', 'high', 'rate') }} as actual
    from (
        values
        ('a', 0.3e0, 0.4e0, 0.2e0, 'above', 2, 2),
        ('b', 0.5e0, 0.6e0, 0.2e0, 'above', 1, 1),
        ('c', 0.3e0, 0.9e0, 0.2e0, 'above', 3, 2),
        ('d', 0.1e0, 0.15e0, 0.2e0, 'below', null, null),
        -- An interval that only touches the rate does not tell them apart.
        ('e', 0.2e0, 0.3e0, 0.2e0, 'not_distinguishable', null, null),
        ('f', 0.1e0, 0.2e0, 0.2e0, 'not_distinguishable', null, null),
        -- Where nobody left, no rate is above the bank's or below it.
        ('g', 0e0, 0.1e0, 0e0, 'not_distinguishable', null, null),
        ('h', null, null, 0.2e0, null, null, null),
        ('i', 0.3e0, 0.4e0, null, null, null, null)
    ) as cases (name, low, high, rate, expected, expected_place, expected_rank)

),

ranked as (

    select
        *,
        {{ rank_among("actual = 'above'", order='low desc, name') }} as actual_place,
        {{ rank_among("actual = 'above'", order='low desc', function='rank') }} as actual_rank,
        {{ rank_among("actual = 'above'", order='low desc', per='name') }} as actual_place_alone
    from positioned

)

select *
from ranked
where
    actual is distinct from expected
    or actual_place is distinct from expected_place
    or actual_rank is distinct from expected_rank
    or actual_place_alone is distinct from (case when actual = 'above' then 1 end)
