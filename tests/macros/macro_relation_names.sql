-- A catalog in a view's text would tie a published copy to the name of the file that it was built in.
select *
from (
    values
    ($${{ ref('dim_clients') }}$$, '"marts"."dim_clients"'),
    ($${{ source('bank', 'clients') }}$$, '"raw"."clients"'),
    ($${{ generate_schema_name(' marts ', none) }}$$, 'marts'),
    ($${{ generate_schema_name(none, none) }}$$, '{{ target.schema }}'),
    ($${{ text_literal("it's") }}$$, $$'it''s'$$),
    ($${{ column_position(['UserID', '  city '], 'City') }}$$, '1'),
    ($${{ column_position(['UserID', 'city'], 'Town') }}$$, '')
) as cases (actual, expected)
where actual is distinct from expected
