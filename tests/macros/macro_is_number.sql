select *
from (
    values
    ('0', true),
    ('42', true),
    ('-42', true),
    ('+42', true),
    ('007', true),
    ('42.', true),
    ('42.50', true),
    ('1e3', true),
    ('1.5E-3', true),
    ('1e400', true),
    ('', false),
    ('.', false),
    ('.5', false),
    ('-', false),
    ('12a', false),
    ('a12', false),
    ('1_000', false),
    ('1 000', false),
    ('1,5', false),
    ('1.5.2', false),
    ('--1', false),
    ('1e', false),
    ('e3', false),
    ('0x1F', false),
    ('NaN', false),
    ('nan', false),
    ('inf', false),
    ('-Infinity', false),
    -- Digits of other scripts, full-width and Arabic.
    ('４２', false),
    ('٤٢', false),
    (null, null)
) as cases (given, expected)
where {{ is_number('given') }} is distinct from expected
