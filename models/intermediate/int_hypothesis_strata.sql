select
    cells.hypothesis_id,
    cells.population,
    case when territories.is_all then 'all' else cells.territory end as territory,
    cells.stratum,
    {{ sum_where('cells.clients', "cells.client_group = 'first' and cells.value_units = 1") }} as first_successes,
    {{ sum_where('cells.clients', "cells.client_group = 'first' and cells.value_units = 0") }} as first_failures,
    {{ sum_where('cells.clients', "cells.client_group = 'second' and cells.value_units = 1") }} as second_successes,
    {{ sum_where('cells.clients', "cells.client_group = 'second' and cells.value_units = 0") }} as second_failures
from {{ ref('int_hypothesis_cells') }} as cells
inner join {{ each_territory('cells') }}
where cells.stratum is not null
group by all
