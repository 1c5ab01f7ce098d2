{# Additive columns, summed over each group, give what is counted in the relation that they were split from. #}
{% test parts_sum_to_total(model, parts, whole, per=[], condition='true') %}

{%- set sums, totals, differences = [], [], [] -%}
{%- for part, expression in parts.items() -%}
    {%- do sums.append('sum(' ~ part ~ ') as ' ~ part) -%}
    {%- do totals.append(expression ~ ' as ' ~ part) -%}
    {%- do differences.append('coalesce(parts.' ~ part ~ ', 0) <> coalesce(whole.' ~ part ~ ', 0)') -%}
{%- endfor %}

with

parts as (

    select {{ (per + sums) | join(', ') }}
    from {{ model }}
    group by all

),

whole as (

    select {{ totals | join(', ') }}
    from {{ whole }}
    where {{ condition }}

)

-- A left join, so that a model without a single row fails, too.
select parts.*
from whole
left join parts on true
where {{ differences | join(' or ') }}

{% endtest %}
