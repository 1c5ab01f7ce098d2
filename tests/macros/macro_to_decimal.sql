select *
from (
    values
    ('1000.5', '1000.50', '1000.5000'),
    ('0', '0.00', '0.0000'),
    ('-0.01', '-0.01', '-0.0100'),
    ('1e3', '1000.00', '1000.0000'),
    ('0.125', '0.13', '0.1250'),
    ('99.994', '99.99', '99.9940'),
    ('0.06125', '0.06', '0.0613'),
    -- Not by way of a double, where this one is 1.00499...
    ('1.005', '1.01', '1.0050'),
    ('1e400', null, null),
    ('1_000', null, null),
    ('12 %', null, null),
    ('inf', null, null),
    ('NaN', null, null),
    (null, null, null)
) as cases (given, of_money, of_number)
where
    cast({{ to_decimal('given', 2) }} as string) is distinct from of_money
    or cast({{ to_decimal('given', 4) }} as string) is distinct from of_number
    or lower(typeof({{ to_decimal('given', 2) }})) <> 'decimal(18,2)'
    or lower(typeof({{ to_decimal('given', 4) }})) <> 'decimal(18,4)'
