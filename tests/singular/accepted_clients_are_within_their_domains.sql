{#- What staging decided text by text, once more in the typed values that every figure is computed from. #}
{%- set domains = client_columns() %}
{%- set allowed_values = seed_rows('allowed_values') %}

select *
from {{ ref('stg_bank__clients') }}
where
    false
    {%- for domain in domains %}
    or ({{ domain.column_name }} is null and {{ domain.is_required }})
    {%- if domain.is_number %}
    or {{ domain.column_name }} not between {{ domain.minimum }} and {{ domain.maximum }}
    {%- elif domain.kind == 'category' and domain.role != 'id' and not is_open(domain.column_name) %}
    or (
        true
        {%- for row in rules_of(allowed_values, 'column_name', domain.column_name) %}
        and {{ domain.column_name }} <> '{{ row.value | replace("'", "''") }}'
        {%- endfor %}
    )
    {%- endif %}
    {%- endfor %}
