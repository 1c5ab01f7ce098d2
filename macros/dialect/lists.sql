{# One row for each part of a text; in the select list, and the only such call there. #}
{% macro each_part(text, separator) -%}
    {{ return(adapter.dispatch('each_part', 'bank_segments')(text, separator)) }}
{%- endmacro %}

{% macro default__each_part(text, separator) -%}
    unnest(string_split({{ text }}, '{{ separator }}'))
{%- endmacro %}

{% macro spark__each_part(text, separator) -%}
    explode(split({{ text }}, '{{ separator }}'))
{%- endmacro %}

{# Whether a text is one of the parts of another. #}
{% macro has_part(text, separator, part) -%}
    array_contains(split({{ text }}, '{{ separator }}'), {{ part }})
{%- endmacro %}

{# The texts of a group in one, in the order of some columns. #}
{% macro join_rows(text, separator, order) -%}
    {{ return(adapter.dispatch('join_rows', 'bank_segments')(text, separator, order)) }}
{%- endmacro %}

{% macro default__join_rows(text, separator, order) -%}
    string_agg({{ text }}, '{{ separator }}' order by {{ order }})
{%- endmacro %}

{% macro spark__join_rows(text, separator, order) -%}
    listagg({{ text }}, '{{ separator }}') within group (order by {{ order }})
{%- endmacro %}
