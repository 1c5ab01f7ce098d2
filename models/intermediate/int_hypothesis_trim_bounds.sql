{%- set hypotheses = registry('hypotheses') | rejectattr('kind', 'equalto', 'proportion') | list %}
{%- set domains = registry('column_domains') %}
{%- set populations = registry('populations') %}
{%- set rules = registry('population_rules') %}
{%- set trimmings = registry('trimmings') | rejectattr('trimming', 'equalto', 'none') | list %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

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
    {%- set group = hypothesis_group(hypothesis, domains) %}
    {%- set metric = hypothesis_metric(hypothesis, domains) %}
    {%- for population in populations %}
    {%- for trimming in trimmings %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        '{{ trimming.trimming }}' as trimming,
        {{ discrete_quantile(metric.units, trimming.lower_quantile) }} as lower_units,
        {{ discrete_quantile(metric.units, trimming.upper_quantile) }} as upper_units
    from clients
    where
        {{ group }} is not null
        and {{ population_predicate(population, rules, domains) }}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
