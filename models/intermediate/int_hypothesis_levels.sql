{#- A view: with tens of millions of nearly distinct salaries, writing the levels takes longer than summing them. #}
{{- config(materialized='view') }}

{%- set hypotheses = registry('hypotheses') | selectattr('kind', 'equalto', 'mean') | list %}
{%- set domains = registry('column_domains') %}
{%- set populations = registry('populations') %}
{%- set rules = registry('population_rules') %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    {%- for hypothesis in hypotheses %}
    {%- set group = hypothesis_group(hypothesis, domains) %}
    {%- set metric = hypothesis_metric(hypothesis, domains) %}
    {%- set outer_loop = loop %}
    {%- for population in populations if population.population in hypothesis.populations.split(' ') %}
    {#- Grouped and ordered by the number alone: with the two names among the keys it takes five times as long. #}
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        value_units,
        first_clients,
        second_clients,
        cast(sum(first_clients) over below as bigint) - first_clients as first_clients_below,
        cast(sum(second_clients) over below as bigint) - second_clients as second_clients_below
    from (
        select
            {{ metric.units }} as value_units,
            count(*) filter (where {{ group }} = 'first') as first_clients,
            count(*) filter (where {{ group }} = 'second') as second_clients
        from clients
        where
            {{ group }} is not null
            and {{ metric.units }} is not null
            and {{ population_predicate(population, rules, domains) }}
        group by value_units
    ) as levels
    window below as (order by value_units rows between unbounded preceding and current row)
    {%- if not (loop.last and outer_loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
