{%- set hypotheses = applicable_hypotheses() | rejectattr('kind', 'equalto', 'proportion') | list %}
{%- set domains = client_columns() %}
{%- set populations = seed_rows('populations') %}
{%- set rules = seed_rows('population_rules') %}
{%- set trimmings = seed_rows('trimmings') | rejectattr('trimming', 'equalto', 'none') | list %}

with

clients as {{ not_materialized() }} (

    select * from {{ ref('int_clients_segmented') }}

),

cells as (

    select * from {{ ref('int_hypothesis_cells') }}

),

cumulated as (

    select
        hypothesis_id,
        population,
        value_units,
        cast(sum(sum(clients)) over (partition by hypothesis_id, population order by value_units) as bigint)
            as clients_up_to,
        cast(sum(sum(clients)) over (partition by hypothesis_id, population) as bigint) as all_clients
    from cells
    where value_units is not null
    group by hypothesis_id, population, value_units

),

final as (

    -- No row: the columns where the register has no such hypothesis.
    select
        cast(null as string) as hypothesis_id,
        cast(null as string) as population,
        cast(null as string) as trimming,
        cast(null as bigint) as lower_units,
        cast(null as bigint) as upper_units
    where false
    {%- for hypothesis in hypotheses %}
    {%- for population in populations %}
    {%- for trimming in trimmings %}
    {%- set shares = [trimming.lower_quantile, trimming.upper_quantile] %}
    {%- if is_about_money(hypothesis, domains) %}
    {%- set query = hypothesis_values(hypothesis, [population], rules, domains) | indent(12) %}
    {%- set members = '(\n            select value_units from (\n            ' ~ query
        ~ '\n            ) as compared where is_in_' ~ population.population ~ '\n        ) as members' %}
    {%- set relation = '(\n        ' ~ discrete_quantiles(members, 'value_units', shares) ~ '\n    ) as found' %}
    {%- set condition = 'true' %}
    {%- set lower = list_item('quantiles', 1) %}
    {%- set upper = list_item('quantiles', 2) %}
    {%- else %}
    {%- set relation = 'cumulated' %}
    {%- set condition
        = "hypothesis_id = '" ~ hypothesis.hypothesis_id ~ "' and population = '" ~ population.population ~ "'" %}
    {%- set lower = 'min(value_units) filter (where clients_up_to >= ' ~ shares[0] ~ ' * all_clients)' %}
    {%- set upper = 'min(value_units) filter (where clients_up_to >= ' ~ shares[1] ~ ' * all_clients)' %}
    {%- endif %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        '{{ trimming.trimming }}' as trimming,
        {{ lower }} as lower_units,
        {{ upper }} as upper_units
    from {{ relation }}
    where {{ condition }}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
