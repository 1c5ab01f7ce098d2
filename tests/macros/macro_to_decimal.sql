with

cases as (

    select *
    from (
        values
        ('1.335', '1.3350'),
        ('0.06125', '0.0613'),
        ('-2', '-2.0000'),
        ('1e3', '1000.0000'),
        ('12 %', null),
        ('NaN', null),
        (null, null)
    ) as cases (given, expected)

),

actual as (

    select
        *,
        {{ to_decimal('given') }} as actual
    from cases

)

select *
from actual
where cast(actual as string) is distinct from expected or lower(typeof(actual)) <> 'decimal(18,4)'
