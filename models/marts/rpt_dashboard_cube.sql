{#- The dimensions come first, `is_churned` after them: so whoever reads the cube knows them. -#}
select
    {%- for trait in seed_rows('traits') | selectattr('is_on_dashboard') | sort(attribute='sort_order') %}
    {{ trait.trait }},
    {%- endfor %}
    segment_ids,
    is_churned,
    {%- for number in number_traits() %}
    cast(sum({{ number.total }}) as bigint) as {{ number.total }},
    {%- endfor %}
    cast(sum(clients) as bigint) as clients,
    {{ sum_where('clients', 'is_churned') }} as churned_clients
from {{ ref('int_client_cells') }}
group by all
