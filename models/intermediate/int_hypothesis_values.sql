{{ config(materialized='view') }}

{%- set domains = registry('column_domains') %}
{%- set populations = registry('populations') %}
{%- set rules = registry('population_rules') %}

with

cells as (

    select * from {{ ref('int_hypothesis_cells') }}

),

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    select
        hypothesis_id,
        population,
        city,
        client_group,
        value_units,
        clients
    from cells
    {%- for hypothesis in registry('hypotheses') if is_about_money(hypothesis, domains) %}
    {%- for population in populations %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        city,
        {{ hypothesis_group(hypothesis, domains) }} as client_group,
        {{ hypothesis_metric(hypothesis, domains).units }} as value_units,
        1 as clients
    from clients
    where
        {{ hypothesis_group(hypothesis, domains) }} is not null
        and {{ population_predicate(population, rules, domains) }}
    {%- endfor %}
    {%- endfor %}

)

select * from final
