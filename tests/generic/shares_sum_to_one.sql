{# The shares within each group sum to 1, or none of them is defined because there is nothing to share. #}
{% test shares_sum_to_one(model, shares, per) %}

{%- set faults = [] -%}
{%- for share in shares -%}
    {%- do faults.append('abs(sum(' ~ share ~ ') - 1) > 1e-9') -%}
    {%- do faults.append('count(' ~ share ~ ') not in (0, count(*))') -%}
{%- endfor %}

select
    {{ per | join(', ') }},
    count(*) as rows_in_group
from {{ model }}
group by {{ per | join(', ') }}
having {{ faults | join(' or ') }}

{% endtest %}
