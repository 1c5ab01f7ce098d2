{# A share of a count: a fraction from 0 to 1, NULL where there is nothing to share. #}
{% macro rate(part, whole) -%}
    cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}

{# How many times the bank's churn rate a group's is; NULL where nobody left. #}
{% macro lift(churn_rate, bank_churn_rate) -%}
    {{ churn_rate }} / nullif({{ bank_churn_rate }}, 0)
{%- endmacro %}
