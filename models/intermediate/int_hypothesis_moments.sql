{%- set hypotheses = registry('hypotheses') %}
{%- set domains = registry('column_domains') %}
{%- set populations = registry('populations') %}
{%- set rules = registry('population_rules') %}
{%- set trimmings = registry('trimmings') %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

trim_bounds as (

    select * from {{ ref('int_hypothesis_trim_bounds') }}

),

final as (

    {%- for hypothesis in hypotheses %}
    {%- set group = hypothesis_group(hypothesis, domains) %}
    {%- set metric = hypothesis_metric(hypothesis, domains) %}
    {%- set hypothesis_loop = loop %}
    {%- for population in populations %}
    {%- set population_loop = loop %}
    {#- A share has no tails to trim. #}
    {%- for trimming in trimmings if trimming.trimming == 'none' or hypothesis.kind != 'proportion' %}
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        '{{ trimming.trimming }}' as trimming,
        coalesce(clients.city, 'all') as city,
        {{ group }} as client_group,
        {{ metric.units_per_one }} as units_per_one,
        count({{ metric.units }}) as clients,
        sum({{ wide_integer(metric.units) }}) as total_units,
        sum({{ wide_integer(metric.units) }} * {{ metric.units }}) as total_squared_units
    from {{ trimmed_clients(hypothesis, population, trimming, metric.units) | indent(4) }}
    where
        {{ group }} is not null
        and {{ population_predicate(population, rules, domains) }}
    group by client_group, rollup(clients.city)
    {%- if not (hypothesis_loop.last and population_loop.last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
