{%- set domains = client_columns() %}
{%- set populations = seed_rows('populations') %}
{%- set rules = seed_rows('population_rules') %}
{%- set hypotheses = applicable_hypotheses() | rejectattr('kind', 'equalto', 'proportion') | list %}
{%- set fine = [] %}
{%- for hypothesis in hypotheses if is_about_money(hypothesis, domains) %}
{%- do fine.append(hypothesis) %}
{%- endfor %}

with

clients as {{ not_materialized() }} (

    select * from {{ ref('int_clients_segmented') }}

),

cells as (

    select * from {{ ref('int_hypothesis_cells') }}

),

trimmings as (

    -- No row: the columns where nothing is trimmed.
    select
        cast(null as string) as trimming,
        0.0 as lower_quantile,
        0.0 as upper_quantile
    where false
    {%- for row in seed_rows('trimmings') | rejectattr('trimming', 'equalto', 'none') %}
    union all
    select
        '{{ row.trimming }}' as trimming,
        {{ row.lower_quantile }} as lower_quantile,
        {{ row.upper_quantile }} as upper_quantile
    {%- endfor %}

),

{#- Money is counted by bucket first, and then by value in the buckets that hold a bound. #}
{% for step in ['buckets', 'values'] %}
{%- for hypothesis in fine %}
{%- set bucket = bucket_start('compared.value_units') %}
{%- set nearby = "select value_units from bound_buckets where hypothesis_id = '" ~ hypothesis.hypothesis_id ~ "'" %}
{{ step }}_of_{{ hypothesis.hypothesis_id }} as (

    select
        {%- for population in populations %}
        compared.is_in_{{ population.population }},
        {%- endfor %}
        {{ bucket if step == 'buckets' else 'compared.value_units' }} as value_units,
        count(*) as clients
    from (
        {{ hypothesis_values(hypothesis, populations, rules, domains) | indent(8) }}
    ) as compared
    where {{ bucket ~ ' in (' ~ nearby ~ ')' if step == 'values' else 'compared.value_units is not null' }}
    group by all

),

{% endfor %}
counted_{{ step }} as (

    {%- if step == 'buckets' %}
    -- No row: the columns where no hypothesis is about money.
    select
        cast(null as string) as hypothesis_id,
        cast(null as string) as population,
        cast(null as bigint) as value_units,
        cast(null as bigint) as clients
    where false
    {%- else %}
    select
        hypothesis_id,
        population,
        value_units,
        clients
    from cells
    where
        value_units is not null
        and {{ is_one_of('hypothesis_id', hypotheses | map(attribute='hypothesis_id') | list) }}
    union all
    select
        counted_buckets.hypothesis_id,
        counted_buckets.population,
        counted_buckets.value_units,
        counted_buckets.clients
    from counted_buckets
    left join bound_buckets
        on
            counted_buckets.hypothesis_id = bound_buckets.hypothesis_id
            and counted_buckets.value_units = bound_buckets.value_units
    where bound_buckets.value_units is null
    {%- endif %}
    {%- for hypothesis in fine %}
    {%- set relation = step ~ '_of_' ~ hypothesis.hypothesis_id %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        populations.population,
        {{ relation }}.value_units,
        {{ relation }}.clients
    from {{ relation }}
    inner join {{ each_population(relation, populations) | indent(4) }}
    {%- endfor %}

),

{{ step }}_up_to as (

    select
        hypothesis_id,
        population,
        value_units,
        sum(clients) as clients,
        sum(sum(clients)) over (partition by hypothesis_id, population order by value_units) as clients_up_to,
        sum(sum(clients)) over (partition by hypothesis_id, population) as all_clients
    from counted_{{ step }}
    group by hypothesis_id, population, value_units

),

{% if step == 'buckets' %}
bound_buckets as (

    select distinct
        buckets_up_to.hypothesis_id,
        buckets_up_to.value_units
    from buckets_up_to
    cross join trimmings
    where
        (
            trimmings.lower_quantile * buckets_up_to.all_clients <= buckets_up_to.clients_up_to
            and trimmings.lower_quantile * buckets_up_to.all_clients
            > buckets_up_to.clients_up_to - buckets_up_to.clients
        )
        or (
            trimmings.upper_quantile * buckets_up_to.all_clients <= buckets_up_to.clients_up_to
            and trimmings.upper_quantile * buckets_up_to.all_clients
            > buckets_up_to.clients_up_to - buckets_up_to.clients
        )

),

{% endif %}
{%- endfor %}
final as (

    select
        values_up_to.hypothesis_id,
        values_up_to.population,
        trimmings.trimming,
        min(values_up_to.value_units) filter (
            where values_up_to.clients_up_to >= trimmings.lower_quantile * values_up_to.all_clients
        ) as lower_units,
        min(values_up_to.value_units) filter (
            where values_up_to.clients_up_to >= trimmings.upper_quantile * values_up_to.all_clients
        ) as upper_units
    from values_up_to
    cross join trimmings
    group by all

)

select * from final
