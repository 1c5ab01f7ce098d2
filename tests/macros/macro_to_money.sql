with

cases as (

    select *
    from (
        values
        ('1000.5', '1000.50'),
        ('0', '0.00'),
        ('-0.01', '-0.01'),
        ('1e3', '1000.00'),
        ('0.125', '0.13'),
        ('99.994', '99.99'),
        -- Not by way of a double, where this one is 1.00499...
        ('1.005', '1.01'),
        ('1e400', null),
        ('1_000', null),
        ('inf', null),
        (null, null)
    ) as cases (given, expected)

),

actual as (

    select
        *,
        {{ to_money('given') }} as actual
    from cases

)

select *
from actual
where cast(actual as string) is distinct from expected or lower(typeof(actual)) <> 'decimal(18,2)'
