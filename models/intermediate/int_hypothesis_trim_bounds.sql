{%- set domains = client_columns() %}
{%- set populations = seed_rows('populations') %}
{%- set rules = seed_rows('population_rules') %}
{%- set hypotheses = applicable_hypotheses() | rejectattr('kind', 'equalto', 'proportion') | list %}
{%- set about_money = hypotheses | selectattr('is_about_money') | list %}
{%- set by_value = 'partition by hypothesis_id, population order by value_units' %}

with

clients as {{ not_materialized() }} (

    select * from {{ ref('int_clients_segmented') }}

),

cells as (

    select * from {{ ref('int_hypothesis_cells') }}

),

bounds as (

    -- No row: the columns where nothing is trimmed.
    select
        cast(null as string) as trimming,
        cast(null as string) as bound,
        0.0 as share
    where false
    {%- for row in seed_rows('trimmings') | rejectattr('trimming', 'equalto', 'none') %}
    {%- for bound, share in {'lower': row.lower_quantile, 'upper': row.upper_quantile}.items() %}
    union all
    select
        '{{ row.trimming }}' as trimming,
        '{{ bound }}' as bound,
        {{ share }} as share
    {%- endfor %}
    {%- endfor %}

),

-- Money by bucket, and then by value in the buckets that hold a bound.
buckets as (

    -- No row: the columns where no hypothesis is about money.
    select
        cast(null as string) as hypothesis_id,
        {%- for population in populations %}
        cast(null as boolean) as is_in_{{ population.population }},
        {%- endfor %}
        cast(null as bigint) as value_units,
        cast(null as bigint) as clients
    where false
    {%- for hypothesis in about_money %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        {%- for population in populations %}
        is_in_{{ population.population }},
        {%- endfor %}
        {{ bucket_start('value_units') }} as value_units,
        count(*) as clients
    from (
        {{ hypothesis_values(hypothesis, populations, rules, domains) | indent(8) }}
    ) as compared
    where value_units is not null
    group by all
    {%- endfor %}

),

counted_buckets as (

    select
        buckets.hypothesis_id,
        populations.population,
        buckets.value_units,
        sum(buckets.clients) as clients
    from buckets
    inner join {{ each_population('buckets', populations) | indent(4) }}
    group by all

),

buckets_up_to as (

    select
        *,
        sum(clients) over ({{ by_value }} rows between unbounded preceding and current row) as clients_up_to,
        sum(clients) over (partition by hypothesis_id, population) as all_clients
    from counted_buckets

),

bound_buckets as (

    select distinct
        buckets_up_to.hypothesis_id,
        buckets_up_to.value_units
    from buckets_up_to
    inner join bounds
        on
            buckets_up_to.clients_up_to >= bounds.share * buckets_up_to.all_clients
            and buckets_up_to.clients_up_to - buckets_up_to.clients < bounds.share * buckets_up_to.all_clients

),

values_of_buckets as (

    -- No row, as above.
    select *
    from buckets
    where false
    {%- for hypothesis in about_money %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        {%- for population in populations %}
        compared.is_in_{{ population.population }},
        {%- endfor %}
        compared.value_units,
        count(*) as clients
    from (
        {{ hypothesis_values(hypothesis, populations, rules, domains) | indent(8) }}
    ) as compared
    where
        {{ bucket_start('compared.value_units') }} in (
            select bound_buckets.value_units
            from bound_buckets
            where bound_buckets.hypothesis_id = '{{ hypothesis.hypothesis_id }}'
        )
    group by all
    {%- endfor %}

),

counts as (

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
        values_of_buckets.hypothesis_id,
        populations.population,
        values_of_buckets.value_units,
        values_of_buckets.clients
    from values_of_buckets
    inner join {{ each_population('values_of_buckets', populations) | indent(4) }}
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

),

counts_up_to as (

    select
        hypothesis_id,
        population,
        value_units,
        sum(sum(clients)) over ({{ by_value }}) as clients_up_to,
        sum(sum(clients)) over (partition by hypothesis_id, population) as all_clients
    from counts
    group by hypothesis_id, population, value_units

),

reached as (

    select
        counts_up_to.hypothesis_id,
        counts_up_to.population,
        bounds.trimming,
        bounds.bound,
        min(counts_up_to.value_units) as value_units
    from counts_up_to
    inner join bounds
        on counts_up_to.clients_up_to >= bounds.share * counts_up_to.all_clients
    group by all

),

final as (

    select
        hypothesis_id,
        population,
        trimming,
        max(value_units) filter (where bound = 'lower') as lower_units,
        max(value_units) filter (where bound = 'upper') as upper_units
    from reached
    group by hypothesis_id, population, trimming

)

select * from final
