{%- set populations = client_populations() %}
{%- set hypotheses = applicable_hypotheses() | rejectattr('kind', 'equalto', 'proportion') | list %}

with

clients as {{ not_materialized() }} (

    select * from {{ ref('int_clients_segmented') }}

),

cells as (

    select * from {{ ref('int_hypothesis_cells') }}

),

-- Decimals, so that a share of the clients is exact.
trimmings as (

    select
        listed.trimming,
        listed.lower_quantile,
        listed.upper_quantile
    from (
        values
        {%- for row in seed_rows('trimmings') %}
        ('{{ row.trimming }}', {{ row.lower_quantile }}, {{ row.upper_quantile }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as listed (trimming, lower_quantile, upper_quantile)
    where listed.trimming <> 'none'

),

compared as {{ not_materialized() }} (

    {{ hypothesis_values(hypotheses) | indent(4) }}

),

-- By bucket, and then by value in the buckets that hold a bound: to sort all clients would take far longer.
buckets as (

    select
        hypothesis_id,
        {%- for row in populations %}
        is_in_{{ row.population }},
        {%- endfor %}
        {{ bucket_start('value_units') }} as value_units,
        sum(clients) as clients
    from compared
    group by all

),

buckets_up_to as (

    {{ clients_up_to('buckets', populations) | indent(4) }}

),

bound_buckets as (

    select distinct
        buckets.hypothesis_id,
        buckets.value_units
    from buckets_up_to as buckets
    inner join trimmings
        on
            (
                buckets.clients_up_to >= trimmings.lower_quantile * buckets.all_clients
                and buckets.clients_up_to - buckets.clients < trimmings.lower_quantile * buckets.all_clients
            )
            or (
                buckets.clients_up_to >= trimmings.upper_quantile * buckets.all_clients
                and buckets.clients_up_to - buckets.clients < trimmings.upper_quantile * buckets.all_clients
            )

),

counts as (

    select
        compared.hypothesis_id,
        {%- for row in populations %}
        compared.is_in_{{ row.population }},
        {%- endfor %}
        compared.value_units,
        sum(compared.clients) as clients
    from compared
    inner join bound_buckets
        on
            compared.hypothesis_id = bound_buckets.hypothesis_id
            and {{ bucket_start('compared.value_units') }} = bound_buckets.value_units
    group by all
    union all
    select buckets.*
    from buckets
    left join bound_buckets
        on buckets.hypothesis_id = bound_buckets.hypothesis_id and buckets.value_units = bound_buckets.value_units
    where bound_buckets.value_units is null

),

counts_up_to as (

    {{ clients_up_to('counts', populations) | indent(4) }}

),

final as (

    select
        counts_up_to.hypothesis_id,
        counts_up_to.population,
        trimmings.trimming,
        min(counts_up_to.value_units) filter (
            where counts_up_to.clients_up_to >= trimmings.lower_quantile * counts_up_to.all_clients
        ) as lower_units,
        min(counts_up_to.value_units) filter (
            where counts_up_to.clients_up_to >= trimmings.upper_quantile * counts_up_to.all_clients
        ) as upper_units
    from counts_up_to
    cross join trimmings
    group by counts_up_to.hypothesis_id, counts_up_to.population, trimmings.trimming

)

select * from final
