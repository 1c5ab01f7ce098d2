select *
from (
    values
    ('42', 42),
    ('-42', -42),
    ('42.0', 42),
    ('42.', 42),
    ('4.2e1', 42),
    ('999999999999', 999999999999),
    ('0042', 42),
    -- The most digits that always fit, and one more.
    ('999999999999999999', 999999999999999999),
    ('9223372036854775807', 9223372036854775807),
    ('9223372036854775808', null),
    -- Rounding would make an adult of somebody aged 17.5, or 18 of 17.9999.
    ('17.5', null),
    ('17.9999', null),
    ('1e-1', null),
    ('1e400', null),
    ('99999999999999999999', null),
    ('12a', null),
    ('NaN', null),
    (null, null)
) as cases (given, expected)
where
    {{ to_integer('given') }} is distinct from expected
    or lower(typeof({{ to_integer('given') }})) <> 'bigint'
