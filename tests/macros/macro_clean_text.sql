select *
from (
    values
    ('Рыбинск', 'Рыбинск'),
    ('  Рыбинск ', 'Рыбинск'),
    ('Ростов   Великий', 'Ростов Великий'),
    (chr(160) || 'Ростов' || chr(160) || 'Великий' || chr(160), 'Ростов Великий'),
    ('Ростов' || chr(9) || chr(10) || chr(13) || 'Великий', 'Ростов Великий'),
    ('', null),
    (' ' || chr(160) || chr(9), null),
    (chr(65279) || 'userid' || chr(8203), 'userid'),
    ('NULL', null),
    (' Нет  данных ', null),
    ('—', null),
    ('nullable', 'nullable'),
    (null, null)
) as cases (given, expected)
where {{ clean_text('given') }} is distinct from expected
