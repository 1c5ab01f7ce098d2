{%- set hypotheses = registry('hypotheses') %}
{%- set domains = registry('column_domains') %}
{%- set populations = registry('populations') %}
{%- set rules = registry('population_rules') %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    {%- for hypothesis in hypotheses %}
    {%- set metric = hypothesis_metric(hypothesis, domains) %}
    {%- set outer_loop = loop %}
    {%- for population in populations %}
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        {{ hypothesis_group(hypothesis) }} as client_group,
        {{ metric.units_per_one }} as units_per_one,
        count({{ metric.units }}) as clients,
        sum(cast({{ metric.units }} as hugeint)) as total_units,
        sum(cast({{ metric.units }} as hugeint) * {{ metric.units }}) as total_squared_units,
        min({{ metric.units }}) as minimum_units,
        max({{ metric.units }}) as maximum_units
    from clients
    where
        {{ hypothesis_group(hypothesis) }} is not null
        and {{ predicate(rules_of(rules, 'population', population.population)) }}
    group by all
    {%- if not (loop.last and outer_loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
