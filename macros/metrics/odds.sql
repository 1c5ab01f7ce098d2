{# The odds of one group over those of another: NULL where a count that it needs is zero. #}
{% macro odds_ratio(part, whole, reference_part, reference_whole) -%}
    cast({{ part }} as double) * ({{ reference_whole }} - {{ reference_part }})
    / nullif(cast({{ reference_part }} as double) * ({{ whole }} - {{ part }}), 0)
{%- endmacro %}

{#
    How strongly something unknown would have to go with both the trait and churn to explain a ratio of rates away
    (VanderWeele and Ding 2017, Annals of Internal Medicine 167, 268-274).
#}
{% macro e_value(rate_ratio) -%}
    greatest({{ rate_ratio }}, 1 / {{ rate_ratio }})
    + sqrt(greatest({{ rate_ratio }}, 1 / {{ rate_ratio }}) * (greatest({{ rate_ratio }}, 1 / {{ rate_ratio }}) - 1))
{%- endmacro %}
