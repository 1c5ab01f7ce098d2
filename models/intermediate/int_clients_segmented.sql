{#- A view: to work bands and segments out in each scan costs less than to store them for every client. #}
{{- config(materialized='view') }}

select
    client_key,
    {%- for attribute in client_attributes() %}
    {{ attribute.sql }} as {{ attribute.name }},
    {%- endfor %}
    {{ segment_ids(segment_conditions(seed_rows('segment_rules'))) }} as segment_ids
from {{ ref('stg_bank__clients') }}
