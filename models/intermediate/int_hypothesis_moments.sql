{%- set slices = client_slices() %}

with

clients as {{ not_materialized() }} (

    select * from {{ ref('int_clients_segmented') }}

),

cells as (

    select * from {{ ref('int_hypothesis_cells') }}

),

trim_bounds as (

    select * from {{ ref('int_hypothesis_trim_bounds') }}

),

compared as (

    {{ sliced_values(applicable_hypotheses()) | indent(4) }}

),

-- Every client is read once: the slices that one is in are a handful of combinations.
summed as (

    select
        hypothesis_id,
        territory,
        client_group,
        units_per_one,
        {%- for slice in slices %}
        is_in_{{ slice.name }},
        {%- endfor %}
        sum(clients) as clients,
        sum({{ wide_integer('value_units') }} * clients) as total_units,
        sum({{ wide_integer('value_units') }} * value_units * clients) as total_squared_units
    from compared
    group by all

),

final as (

    select
        summed.hypothesis_id,
        slices.population,
        slices.trimming,
        case when territories.is_all then 'all' else summed.territory end as territory,
        summed.client_group,
        summed.units_per_one,
        cast(sum(summed.clients) as bigint) as clients,
        sum(summed.total_units) as total_units,
        sum(summed.total_squared_units) as total_squared_units
    from summed
    inner join {{ each_slice('summed', slices) | indent(4) }}
    inner join {{ each_territory('summed') }}
    group by all

)

select * from final
