{%- set domains = client_columns() %}
{%- set populations = seed_rows('populations') %}
{%- set rules = seed_rows('population_rules') %}
{%- set trimmings = seed_rows('trimmings') %}
{%- set about_money = applicable_hypotheses() | selectattr('is_about_money') | list %}

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

{% for hypothesis in about_money %}
{#- Every client is read once: the slices that one is in are a handful of combinations. #}
summed_for_{{ hypothesis.hypothesis_id }} as (

    select
        territory,
        client_group,
        {%- for slice in moment_slices(hypothesis, populations, trimmings) %}
        {{ is_in_slice(hypothesis, slice.population, slice.trimming) | indent(8) }} as is_in_slice_{{ slice.name }},
        {%- endfor %}
        count(*) as clients,
        sum({{ wide_integer('value_units') }}) as total_units,
        sum({{ wide_integer('value_units') }} * value_units) as total_squared_units
    from (
        {{ hypothesis_values(hypothesis, populations, rules, domains) | indent(8) }}
    ) as compared
    where value_units is not null
    group by all

),

{% endfor %}
sliced_cells as (

    select
        hypothesis_id,
        population,
        'none' as trimming,
        territory,
        client_group,
        value_units,
        clients
    from cells
    where value_units is not null
    union all
    select
        cells.hypothesis_id,
        cells.population,
        trim_bounds.trimming,
        cells.territory,
        cells.client_group,
        cells.value_units,
        cells.clients
    from cells
    inner join trim_bounds
        on
            cells.hypothesis_id = trim_bounds.hypothesis_id
            and cells.population = trim_bounds.population
            and cells.value_units between trim_bounds.lower_units and trim_bounds.upper_units

),

summed as (

    select
        hypothesis_id,
        population,
        trimming,
        territory,
        client_group,
        1 as units_per_one,
        clients,
        {{ wide_integer('value_units') }} * clients as total_units,
        {{ wide_integer('value_units') }} * value_units * clients as total_squared_units
    from sliced_cells
    {%- for hypothesis in about_money %}
    {%- for slice in moment_slices(hypothesis, populations, trimmings) %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ slice.population.population }}' as population,
        '{{ slice.trimming.trimming }}' as trimming,
        territory,
        client_group,
        {{ hypothesis_metric(hypothesis, domains).units_per_one }} as units_per_one,
        clients,
        total_units,
        total_squared_units
    from summed_for_{{ hypothesis.hypothesis_id }}
    where is_in_slice_{{ slice.name }}
    {%- endfor %}
    {%- endfor %}

),

final as (

    select
        summed.hypothesis_id,
        summed.population,
        summed.trimming,
        case when territories.is_all then 'all' else summed.territory end as territory,
        summed.client_group,
        summed.units_per_one,
        cast(sum(summed.clients) as bigint) as clients,
        sum(summed.total_units) as total_units,
        sum(summed.total_squared_units) as total_squared_units
    from summed
    inner join {{ each_territory('summed') }}
    group by all

)

select * from final
