{#
    The rows of a rule table compiled to one SQL condition, joined by `and`; no rows give `true`.
    A value is written as its column's domain says: text quoted, numbers and flags bare.
#}
{% macro predicate(rules, domains=none) -%}
    {%- set kinds = {} -%}
    {%- for domain in domains or client_columns() -%}
        {%- do kinds.update({domain.column_name: domain.kind, 'has_' ~ domain.column_name: 'flag'}) -%}
    {%- endfor -%}
    {%- set conditions = [] -%}
    {%- for rule in rules -%}
        {%- do conditions.append(condition(rule.column_name, rule.operator, rule.value, kinds)) -%}
    {%- endfor -%}
    {{- conditions | join(' and ') if conditions else 'true' -}}
{%- endmacro %}

{% macro condition(column_name, operator, value, kinds) -%}
    {%- if column_name not in kinds -%}
        {%- do exceptions.raise_compiler_error('A rule names the column ' ~ column_name ~ ', which columns.csv does not have.') -%}
    {%- endif -%}
    {%- if operator not in ['=', '<>', '<', '<=', '>', '>='] -%}
        {%- do exceptions.raise_compiler_error('A rule on ' ~ column_name ~ ' has the operator ' ~ operator ~ '; use one of = <> < <= > >=.') -%}
    {%- endif -%}
    {%- if kinds[column_name] == 'category' -%}
        {%- set literal = text_literal(value) -%}
    {%- elif kinds[column_name] == 'flag' and value in ['true', 'false'] -%}
        {%- set literal = value -%}
    {%- elif kinds[column_name] in ['integer', 'money', 'number'] and modules.re.fullmatch('-?[0-9]+([.][0-9]+)?', value) -%}
        {%- set literal = value -%}
    {%- else -%}
        {%- do exceptions.raise_compiler_error('A rule compares ' ~ column_name ~ ' with ' ~ value ~ ', which is not a value of its kind, ' ~ kinds[column_name] ~ '.') -%}
    {%- endif -%}
    {{- column_name ~ ' ' ~ operator ~ ' ' ~ literal -}}
{%- endmacro %}

{# The rows of a rule table that are grouped, as one condition that people read. #}
{% macro readable_rule() -%}
    {{ join_rows("column_name || ' ' || operator || ' ' || value", ' and ', order='column_name, operator, value') }}
{%- endmacro %}

{# The rows of `rules` that belong to one owner, e.g. one segment. #}
{% macro rules_of(rules, owner_column, owner) -%}
    {%- do return(rules | selectattr(owner_column, 'equalto', owner) | list) -%}
{%- endmacro %}

{# Whether a row has one of these ids. #}
{% macro is_one_of(id, ids) -%}
    {%- if ids -%}
        {{ id }} in ('{{ ids | join("', '") }}')
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
