{# What one unit paid at the end of each of some years is worth today; of a year begun, its part. #}
{% macro annuity(years, discount_rate) -%}
    case
        when {{ discount_rate }} = 0 then {{ years }}
        else (1 - power(1 + {{ discount_rate }}, -{{ years }})) / {{ discount_rate }}
    end
{%- endmacro %}
