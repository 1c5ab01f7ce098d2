{%- set shares = {'p25': 0.25, 'median': 0.5, 'p75': 0.75} %}
{%- set traits = number_traits() %}
{%- set counted_types = {
    'trait': 'string', 'units_per_one': 'int', 'is_churned': 'boolean', 'product_count': 'bigint',
    'value_units': 'bigint', 'clients': 'bigint'
} %}
{%- set all_clients = 'cast(sum(clients) as bigint)' %}

with

clients as {{ not_materialized() }} (

    select
        *,
        {{ product_count() }} as counted_products
    from {{ ref('int_clients_segmented') }}

),

buckets as (

    {{ no_rows(dict(
        counted_types,
        total_units='wide', total_squared_units='wide', lowest_units='bigint', highest_units='bigint'
    )) | indent(4) }}
    {%- for row in traits if row.has_many_values %}
    {%- set units = whole_units(row.trait, row.kind) %}
    union all
    select
        '{{ row.trait }}' as trait,
        {{ units_per_one(row.kind) }} as units_per_one,
        is_churned,
        counted_products as product_count,
        {{ bucket_start(units) }} as value_units,
        count(*) as clients,
        {{ sum_of_units(row.trait, row.kind) }} as total_units,
        sum({{ wide_integer(units) }} * {{ units }}) as total_squared_units,
        {{ whole_units('min(' ~ row.trait ~ ')', row.kind) }} as lowest_units,
        {{ whole_units('max(' ~ row.trait ~ ')', row.kind) }} as highest_units
    from clients
    where {{ row.trait }} is not null
    group by all
    {%- endfor %}

),

buckets_up_to as (

    {{ counts_up_to('buckets') | indent(4) }}

),

quartile_buckets as (

    select distinct
        trait,
        is_churned,
        value_units
    from buckets_up_to
    where {{ holds_quantile('clients_up_to', 'clients', 'all_clients', shares.values()) }}

),

counted_values as (

    {{ no_rows(counted_types) | indent(4) }}
    {%- for row in traits if not row.has_many_values %}
    union all
    select
        '{{ row.trait }}' as trait,
        {{ units_per_one(row.kind) }} as units_per_one,
        is_churned,
        counted_products as product_count,
        {{ whole_units(row.trait, row.kind) }} as value_units,
        count(*) as clients
    from clients
    where {{ row.trait }} is not null
    group by all
    {%- endfor %}
    {%- for row in traits if row.has_many_values %}
    {%- set units = whole_units('clients.' ~ row.trait, row.kind) %}
    union all
    select
        '{{ row.trait }}' as trait,
        {{ units_per_one(row.kind) }} as units_per_one,
        clients.is_churned,
        clients.counted_products as product_count,
        {{ units }} as value_units,
        count(*) as clients
    from clients
    inner join quartile_buckets
        on
            quartile_buckets.trait = '{{ row.trait }}'
            and clients.is_churned = quartile_buckets.is_churned
            and {{ bucket_start(units) }} = quartile_buckets.value_units
    where clients.{{ row.trait }} is not null
    group by all
    {%- endfor %}

),

counts as (

    select
        trait,
        units_per_one,
        is_churned,
        product_count,
        value_units,
        clients,
        {{ wide_integer('value_units') }} * clients as total_units,
        {{ wide_integer('value_units') }} * value_units * clients as total_squared_units,
        value_units as lowest_units,
        value_units as highest_units
    from counted_values
    union all
    select buckets.*
    from buckets
    left join quartile_buckets
        on
            buckets.trait = quartile_buckets.trait
            and buckets.is_churned = quartile_buckets.is_churned
            and buckets.value_units = quartile_buckets.value_units
    where quartile_buckets.value_units is null

),

counts_up_to as (

    {{ counts_up_to('counts') | indent(4) }}

),

final as (

    select
        trait,
        is_churned,
        product_count,
        {{ all_clients }} as clients,
        {{ mean(all_clients, 'sum(total_units)', 'units_per_one') }} as mean,
        {{ standard_deviation(all_clients, 'sum(total_units)', 'sum(total_squared_units)', 'units_per_one') }}
            as standard_deviation,
        {%- for name, share in shares.items() %}
        cast({{ counted_quantile('value_units', 'clients_up_to', 'all_clients', share) }} as double)
        / units_per_one as {{ name }},
        {%- endfor %}
        cast(min(lowest_units) as double) / units_per_one as minimum,
        cast(max(highest_units) as double) / units_per_one as maximum
    from counts_up_to
    -- Who has no number of products is in the summary of all alone.
    where is_every_product_count or product_count is not null
    group by trait, units_per_one, is_churned, product_count

)

select * from final
