select sum(things) as things
from {{ ref('counted') }}
