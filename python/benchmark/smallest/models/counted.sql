select
    kind,
    count(*) as things
from {{ ref('named') }}
group by kind
