{%- set hypotheses = seed_rows('hypotheses') %}
{%- set domains = seed_rows('column_domains') %}
{%- set populations = seed_rows('populations') %}
{%- set rules = seed_rows('population_rules') %}
{%- set trimmings = seed_rows('trimmings') %}

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

{% for hypothesis in hypotheses %}
{#- Every client is read once: the slices that one is in are a handful of combinations. #}
summed_for_{{ hypothesis.hypothesis_id }} as (

    select
        city,
        client_group,
        {%- for slice in moment_slices(hypothesis, populations, trimmings) %}
        {{ is_in_slice(hypothesis, slice.population, slice.trimming) | indent(8) }} as is_in_slice_{{ slice.name }},
        {%- endfor %}
        {{ sum_where('clients', 'value_units is not null') }} as clients,
        sum({{ wide_integer('value_units') }} * clients) as total_units,
        sum({{ wide_integer('value_units') }} * value_units * clients) as total_squared_units
    from (
        {{ hypothesis_values(hypothesis, populations, rules, domains) | indent(8) }}
    ) as compared
    group by all

),

{% endfor %}
final as (

    {%- for hypothesis in hypotheses %}
    {%- set hypothesis_loop = loop %}
    {%- for slice in moment_slices(hypothesis, populations, trimmings) %}
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ slice.population.population }}' as population,
        '{{ slice.trimming.trimming }}' as trimming,
        coalesce(city, 'all') as city,
        client_group,
        {{ hypothesis_metric(hypothesis, domains).units_per_one }} as units_per_one,
        cast(sum(clients) as bigint) as clients,
        sum(total_units) as total_units,
        sum(total_squared_units) as total_squared_units
    from summed_for_{{ hypothesis.hypothesis_id }}
    where is_in_slice_{{ slice.name }}
    group by client_group, rollup(city)
    {%- if not (hypothesis_loop.last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
