{%- set hypotheses = registry('hypotheses') | selectattr('strata') | list %}
{%- set domains = registry('column_domains') %}
{%- set populations = registry('populations') %}
{%- set rules = registry('population_rules') %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

-- The city may be among the strata, too, where it must not be rolled up.
located as (

    select
        *,
        city as city_or_all
    from clients

),

final as (

    -- No row: the columns where the register names no strata.
    select
        cast(null as string) as hypothesis_id,
        cast(null as string) as population,
        cast(null as string) as city,
        cast(null as string) as stratum,
        cast(null as bigint) as first_successes,
        cast(null as bigint) as first_failures,
        cast(null as bigint) as second_successes,
        cast(null as bigint) as second_failures
    where false
    {%- for hypothesis in hypotheses %}
    {%- set group = hypothesis_group(hypothesis, domains) %}
    {%- set success = hypothesis_metric(hypothesis, domains).units ~ ' = 1' %}
    {%- set columns = hypothesis.strata.split(' ') | join(', ') %}
    {%- for population in populations %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        coalesce(city_or_all, 'all') as city,
        concat_ws(' | ', {{ columns }}) as stratum,
        count(*) filter (where {{ group }} = 'first' and {{ success }}) as first_successes,
        count(*) filter (where {{ group }} = 'first' and not {{ success }}) as first_failures,
        count(*) filter (where {{ group }} = 'second' and {{ success }}) as second_successes,
        count(*) filter (where {{ group }} = 'second' and not {{ success }}) as second_failures
    from located
    where
        {{ group }} is not null
        and {{ population_predicate(population, rules, domains) }}
    group by {{ columns }}, rollup(city_or_all)
    {%- endfor %}
    {%- endfor %}

)

select * from final
