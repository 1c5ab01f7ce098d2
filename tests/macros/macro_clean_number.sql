with

cases as (

    select *
    from (
        values
        (' 1000.50 ', '1000.50'),
        ('1000.50', '1000.50'),
        ('1000.', '1000.'),
        ('1000' || chr(10), '1000'),
        ('1000,50', '1000.50'),
        ('-7,5', '-7.5'),
        ('1,000', '1,000'),
        ('1,000,50', '1,000,50'),
        ('1 000,50', '1 000,50'),
        (',5', ',5'),
        ('5,', '5,'),
        ('', null),
        (null, null)
    ) as cases (given, expected)

),

actual as (

    select
        *,
        {{ clean_number('given') }} as actual
    from cases

)

select *
from actual
where actual is distinct from expected
