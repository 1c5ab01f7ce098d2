select
    client_key,
    {%- for attribute in client_attributes() %}
    {{ attribute.name }},
    {%- endfor %}
    segment_ids
from {{ ref('int_clients_segmented') }}
