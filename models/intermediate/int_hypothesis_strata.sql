select
    hypothesis_id,
    population,
    coalesce(territory, 'all') as territory,
    stratum,
    {{ sum_where('clients', "client_group = 'first' and value_units = 1") }} as first_successes,
    {{ sum_where('clients', "client_group = 'first' and value_units = 0") }} as first_failures,
    {{ sum_where('clients', "client_group = 'second' and value_units = 1") }} as second_successes,
    {{ sum_where('clients', "client_group = 'second' and value_units = 0") }} as second_failures
from {{ ref('int_hypothesis_cells') }}
where stratum is not null
group by hypothesis_id, population, stratum, rollup(territory)
-- Whoever has no territory is in all of them together alone.
having grouping(territory) = 1 or territory is not null
