with

actual as (

    select
        *,
        {{ is_too_small('clients', 5) }} as actual,
        {{ is_too_small_of_total('clients', 5, tie_breaker='level', total='trait') }} as actual_of_total
    from (
        values
        -- The only small group could be worked out: the next one is hidden, too; of two of its size the first.
        ('next', 'a', 3, true, true),
        ('next', 'b', 5, false, true),
        ('next', 'c', 5, false, false),
        -- Two small groups hide each other, once they hold enough.
        ('enough', 'a', 2, true, true),
        ('enough', 'b', 3, true, true),
        ('enough', 'c', 8, false, false),
        ('not enough', 'a', 1, true, true),
        ('not enough', 'b', 3, true, true),
        ('not enough', 'c', 800, false, true),
        ('none', 'a', 5, false, false),
        ('none', 'b', 6, false, false),
        -- A group without clients takes nothing from the total.
        ('empty', 'a', 0, true, true),
        ('empty', 'b', 6, false, false),
        ('alone', 'a', 4, true, true)
    ) as cases (trait, level, clients, expected, expected_of_total)

)

select *
from actual
where actual is distinct from expected or actual_of_total is distinct from expected_of_total
