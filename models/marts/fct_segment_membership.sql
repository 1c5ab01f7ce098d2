select
    client_key,
    {{ each_part('segment_ids', ',') }} as segment_id
from {{ ref('int_clients_segmented') }}
where segment_ids <> ''
