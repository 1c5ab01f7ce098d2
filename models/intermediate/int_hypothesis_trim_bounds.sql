{%- set hypotheses = registry('hypotheses') | selectattr('kind', 'equalto', 'mean') | list %}
{%- set domains = registry('column_domains') %}
{%- set populations = registry('populations') %}
{%- set rules = registry('population_rules') %}
{%- set trimmings = registry('trimmings') | rejectattr('trimming', 'equalto', 'none') | list %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    {%- for hypothesis in hypotheses %}
    {%- set group = hypothesis_group(hypothesis, domains) %}
    {%- set metric = hypothesis_metric(hypothesis, domains) %}
    {%- set hypothesis_loop = loop %}
    {%- for population in populations %}
    {%- set population_loop = loop %}
    {%- for trimming in trimmings %}
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        '{{ trimming.trimming }}' as trimming,
        quantile_disc({{ metric.units }}, {{ trimming.lower_quantile }}) as lower_units,
        quantile_disc({{ metric.units }}, {{ trimming.upper_quantile }}) as upper_units
    from clients
    where
        {{ group }} is not null
        and {{ population_predicate(population, rules, domains) }}
    {%- if not (hypothesis_loop.last and population_loop.last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
