-- A catalog in a view's text would tie a published copy to the name of the file that it was built in.
select *
from (
    values
    ({{ text_literal(ref('dim_clients') | replace('"', '')) }}, 'marts.dim_clients'),
    ({{ text_literal(source('bank', 'clients') | replace('"', '')) }}, 'raw.clients'),
    ({{ text_literal(generate_schema_name(' marts ', none)) }}, 'marts'),
    ({{ text_literal(generate_schema_name(none, none)) }}, '{{ target.schema }}'),
    ({{ text_literal(column_position(['UserID', '  city '], 'City')) }}, '1'),
    ({{ text_literal(column_position(['UserID', 'city'], 'Town')) }}, '')
) as cases (actual, expected)
where actual is distinct from expected
