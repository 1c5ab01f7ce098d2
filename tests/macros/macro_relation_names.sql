-- A catalog in a view's text would tie it to the name that the warehouse is attached under.
select *
from (
    values
    ({{ text_literal(ref('dim_clients').render() | replace('"', '')) }}, 'marts.dim_clients'),
    ({{ text_literal(source('bank', 'clients').render() | replace('"', '')) }}, 'raw.clients'),
    ({{ text_literal(generate_schema_name(' marts ', none)) }}, 'marts'),
    ({{ text_literal(generate_schema_name(none, none)) }}, '{{ target.schema }}')
) as cases (actual, expected)
where actual is distinct from expected
