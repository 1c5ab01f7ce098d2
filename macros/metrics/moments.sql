{# A column in whole units (years, kopecks, ten-thousandths, 0 or 1), so that its sums are exact in any order. #}
{% macro whole_units(column_name, kind) -%}
    {%- if units_per_one(kind) | int > 1 -%}
        cast({{ column_name }} * {{ units_per_one(kind) }} as bigint)
    {%- else -%}
        cast({{ column_name }} as bigint)
    {%- endif -%}
{%- endmacro %}

{# The sum of a column in whole units: a sum of decimals is as exact, and no client's value need be turned into units. #}
{% macro sum_of_units(column_name, kind) -%}
    {%- set units = units_per_one(kind) | int -%}
    {{ wide_integer('sum(' ~ column_name ~ ')' ~ (' * ' ~ units if units > 1 else '')) }}
{%- endmacro %}

{# The suffix of a column that holds such a sum. #}
{% macro unit_name(kind) -%}
    {{- {'money': 'kopecks_total', 'number': 'ten_thousandths_total'}.get(kind, 'total') -}}
{%- endmacro %}

{# Whether a column has nearly as many values as there are clients: to count each of them takes long. #}
{% macro has_many_values(kind) -%}
    {%- do return(kind in ['money', 'number']) -%}
{%- endmacro %}

{# How many whole units make one unit of the column. #}
{% macro units_per_one(kind) -%}
    {{- {'money': 100, 'number': 10000}.get(kind, 1) -}}
{%- endmacro %}

{# Sample standard deviation from exact sums: the difference is taken in integers, before any rounding. #}
{% macro standard_deviation(clients, total, total_squares, units) -%}
    sqrt(
        cast({{ clients }} * {{ total_squares }} - {{ total }} * {{ total }} as double)
        / nullif(cast({{ clients }} as double) * ({{ clients }} - 1), 0)
    ) / {{ units }}
{%- endmacro %}

{# Mean from exact sums, in the column's own unit. #}
{% macro mean(clients, total, units) -%}
    cast({{ total }} as double) / nullif({{ clients }}, 0) / {{ units }}
{%- endmacro %}
