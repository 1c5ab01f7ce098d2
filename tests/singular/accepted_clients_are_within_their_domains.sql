{#- What staging decided text by text, once more in the typed values that every figure is computed from. #}
{%- set domains = registry('column_domains') %}
{%- set allowed_values = registry('allowed_values') %}

with

clients as (

    select * from {{ ref('stg_bank__clients') }}

)

select *
from clients
where
    false
    {%- for domain in domains %}
    or ({{ domain.column_name }} is null and {{ domain.is_required }})
    {%- if domain.kind in ['integer', 'money'] %}
    or {{ domain.column_name }} not between {{ domain.minimum }} and {{ domain.maximum }}
    {%- elif domain.kind == 'category' %}
    {%- set allowed = rules_of(allowed_values, 'column_name', domain.column_name) %}
    or {{ domain.column_name }} not in ('{{ allowed | map(attribute='value') | join("', '") }}')
    {%- endif %}
    {%- endfor %}
