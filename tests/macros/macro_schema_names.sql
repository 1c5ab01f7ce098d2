-- Without a schema of its own a model goes into the target's; blanks around a name are not part of it.
select *
from (
    values
    ({{ text_literal(generate_schema_name(' marts ', none)) }}, 'marts'),
    ({{ text_literal(generate_schema_name(none, none)) }}, '{{ target.schema }}')
) as cases (actual, expected)
where actual is distinct from expected
