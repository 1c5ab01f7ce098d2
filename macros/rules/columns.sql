{# The rows of columns.csv that are loaded, in the order of the register, each with whether it is a number. #}
{% macro client_columns() -%}
    {%- set columns = [] -%}
    {%- for row in seed_rows('columns') | rejectattr('role', 'equalto', 'ignored') -%}
        {%- do columns.append(dict(row, is_number=row.kind in ['integer', 'money', 'number'])) -%}
    {%- endfor -%}
    {%- do return(columns) -%}
{%- endmacro %}

{#
    What is known of an accepted client, but for the key, as names with their SQL: each column of the file, the band of
    a banded one, and whether there is a number that need not be.
#}
{% macro client_attributes() -%}
    {%- set bands = seed_rows('bands') -%}
    {%- set attributes = [] -%}
    {%- for column in client_columns() if column.column_name != 'client_id' -%}
        {%- set name = column.column_name -%}
        {%- set column_bands = rules_of(bands, 'column_name', name) -%}
        {%- do attributes.append({'name': name, 'sql': name}) -%}
        {%- if column_bands -%}
            {%- do attributes.append({'name': name ~ '_band', 'sql': band(name, column_bands, column.kind)}) -%}
        {%- endif -%}
        {%- if column.is_number and not column.is_required -%}
            {%- do attributes.append({'name': 'has_' ~ name, 'sql': name ~ ' is not null'}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(attributes) -%}
{%- endmacro %}

{# The number traits, each with the kind of its column and the column of int_client_cells that holds its exact sum. #}
{% macro number_traits() -%}
    {%- set columns = client_columns() -%}
    {%- set numbers = [] -%}
    {%- for row in seed_rows('traits') | selectattr('kind', 'equalto', 'number') -%}
        {%- set kind = (columns | selectattr('column_name', 'equalto', row.trait) | first).kind -%}
        {%- do numbers.append({
            'trait': row.trait,
            'kind': kind,
            'has_many_values': has_many_values(kind),
            'total': row.trait ~ '_' ~ unit_name(kind),
        }) -%}
    {%- endfor -%}
    {%- do return(numbers) -%}
{%- endmacro %}

{# The populations, each with the condition for being in it, as slices of the clients of which nobody is trimmed. #}
{% macro client_populations() -%}
    {%- set rules = seed_rows('population_rules') -%}
    {%- set domains = client_columns() -%}
    {%- set populations = [] -%}
    {%- for row in seed_rows('populations') -%}
        {%- do populations.append(dict(
            row, name=row.population, trimming='none', is_trimmed=false, condition=population_predicate(row, rules, domains)
        )) -%}
    {%- endfor -%}
    {%- do return(populations) -%}
{%- endmacro %}

{# The populations, and each without the tails that a trimming cuts off. #}
{% macro client_slices() -%}
    {%- set populations = client_populations() -%}
    {%- set trimmings = seed_rows('trimmings') | map(attribute='trimming') | reject('equalto', 'none') | list -%}
    {%- set slices = populations | list -%}
    {%- for row in populations -%}
        {%- for trimming in trimmings -%}
            {%- do slices.append(
                dict(row, name=row.population ~ '_' ~ trimming, trimming=trimming, is_trimmed=true)
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(slices) -%}
{%- endmacro %}
