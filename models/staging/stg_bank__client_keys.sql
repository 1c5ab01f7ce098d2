{#- What tells clients apart, in one cell of a campaign list. #}
{%- set id_columns = client_columns() | selectattr('is_in_id') | map(attribute='column_name') | list %}

select
    {%- if id_columns | length > 1 %}
    concat_ws(' / ', {{ id_columns | join(', ') }}) as client_id,
    {%- else %}
    client_id,
    {%- endif %}
    client_key
from {{ ref('stg_bank__clients') }}
