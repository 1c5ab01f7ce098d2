select
    {%- for column in client_columns() %}
    {{ column.column_name }},
    {%- endfor %}
    client_key
from {{ ref('stg_bank__client_rows') }}
where reasons is null
