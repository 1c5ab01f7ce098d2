{%- set hypotheses = registry('hypotheses') | selectattr('strata') | list %}
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
    {%- set success = hypothesis_metric(hypothesis, domains).units ~ ' = 1' %}
    {%- set hypothesis_loop = loop %}
    {%- for population in populations if population.population in hypothesis.populations.split(' ') %}
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        concat_ws(' | ', {{ hypothesis.strata.split(' ') | join(', ') }}) as stratum,
        count(*) filter (where {{ group }} = 'first' and {{ success }}) as first_successes,
        count(*) filter (where {{ group }} = 'first' and not {{ success }}) as first_failures,
        count(*) filter (where {{ group }} = 'second' and {{ success }}) as second_successes,
        count(*) filter (where {{ group }} = 'second' and not {{ success }}) as second_failures
    from clients
    where
        {{ group }} is not null
        and {{ population_predicate(population, rules, domains) }}
    group by stratum
    {%- if not (hypothesis_loop.last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
