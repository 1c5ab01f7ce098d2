{# A share of a count: a fraction from 0 to 1, NULL where there is nothing to share. #}
{% macro rate(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}
