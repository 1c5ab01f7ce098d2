select
    thing_id,
    kind
from {{ ref('things') }}
