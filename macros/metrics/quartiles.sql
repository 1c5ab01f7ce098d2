{# The three quartiles as one list, interpolated linearly (Hyndman and Fan 1996, type 7): one sort serves all three. #}
{% macro quartiles(column_name) -%}
    quantile_cont(cast({{ column_name }} as double), [0.25, 0.5, 0.75])
{%- endmacro %}
