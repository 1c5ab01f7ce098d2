with

actual as (

    select
        *,
        {{ is_too_small('clients', 5, churned_clients='churned') }} as actual,
        {{ is_too_small_of_total(
            'clients', 5, tie_breaker='level', churned_clients='churned', total='trait'
        ) }} as actual_of_total
    from (
        values
        -- The only small group could be worked out: the next one is hidden, too; of two of its size the first.
        ('next', 'a', 3, 0, true, true),
        ('next', 'b', 5, 0, false, true),
        ('next', 'c', 5, 0, false, false),
        -- Two small groups hide each other, once they hold enough.
        ('enough', 'a', 2, 0, true, true),
        ('enough', 'b', 3, 0, true, true),
        ('enough', 'c', 8, 0, false, false),
        ('not enough', 'a', 1, 0, true, true),
        ('not enough', 'b', 3, 0, true, true),
        ('not enough', 'c', 800, 0, false, true),
        ('none', 'a', 5, 0, false, false),
        ('none', 'b', 6, 0, false, false),
        -- A group without clients takes nothing from the total.
        ('empty', 'a', 0, 0, true, true),
        ('empty', 'b', 6, 0, false, false),
        ('alone', 'a', 4, 0, true, true),
        -- The rate of a large group would tell how few left or stayed; its neighbour would tell it by the total.
        ('few left', 'a', 40, 10, false, true),
        ('few left', 'b', 45, 4, true, true),
        ('few left', 'c', 90, 9, false, false),
        ('few stayed', 'a', 60, 50, false, true),
        ('few stayed', 'b', 70, 68, true, true),
        ('few stayed', 'c', 80, 60, false, false),
        ('told', 'a', 40, 40, false, false),
        ('told', 'b', 45, 5, false, false)
    ) as cases (trait, level, clients, churned, expected, expected_of_total)

)

select *
from actual
where actual is distinct from expected or actual_of_total is distinct from expected_of_total
