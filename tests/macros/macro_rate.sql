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
where
    {{ rate('part', 'whole') }} is distinct from expected
    -- As it is called with an expression, too.
    or {{ rate('(whole - part)', 'whole') }} + {{ rate('part', 'whole') }} <> 1
