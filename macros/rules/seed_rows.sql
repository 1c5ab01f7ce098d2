{#
    Rows of a seed as a list of dictionaries, for SQL that is generated from data.
    While dbt parses, it only notes the dependency. A unit test may bring its own rows in the variable `seed_rows`,
    so that it still passes when somebody edits the seed.
#}
{% macro seed_rows(seed) -%}
    {%- if not execute -%}
        {%- do ref(seed) -%}
        {%- do return([]) -%}
    {%- endif -%}
    {%- if seed in var('seed_rows', {}) -%}
        {%- do return(var('seed_rows')[seed]) -%}
    {%- endif -%}
    {%- if graph.nodes and 'seed.bank_segments.' ~ seed not in model.depends_on.nodes -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ' reads the seed ' ~ seed ~ ' where dbt does not look while it parses; write {% do seed_rows('
            ~ text_literal(seed) ~ ') %} at its head.'
        ) -%}
    {%- endif -%}
    {#- The graph is one for all of a run, in which nobody changes a seed that others have read. -#}
    {%- set known = graph.setdefault('seed_rows', {}) -%}
    {%- if seed in known -%}
        {%- do return(known[seed]) -%}
    {%- endif -%}
    {%- set schema = generate_schema_name('reference', none) -%}
    {%- set source = schema ~ '.' ~ seed -%}
    {%- if flags.EMPTY or not warehouse_relation(schema, seed) -%}
        {%- set source = unbuilt_seed(graph.nodes['seed.bank_segments.' ~ seed]) -%}
    {%- endif -%}
    {#- As JSON, because dbt would guess types from text and turn the value '1' into a number. -#}
    {%- set rows = [] -%}
    {%- for row in run_query(
        'select ' ~ row_as_json('seed') ~ ' as entry from ' ~ source ~ ' as seed order by all nulls last'
    ).rows -%}
        {%- do rows.append(fromjson(row[0])) -%}
    {%- endfor -%}
    {%- do known.update({seed: rows}) -%}
    {%- do return(rows) -%}
{%- endmacro %}
