{%- set shares = {'p25': 0.25, 'median': 0.5, 'p75': 0.75} %}

with

clients as (

    select
        *,
        {{ product_count() }} as counted_products
    from {{ ref('int_clients_segmented') }}

),

summarised_traits as (

    -- No row: the columns where the bank has no such trait.
    select
        cast(null as string) as trait,
        cast(null as boolean) as is_churned,
        cast(null as bigint) as product_count,
        cast(null as boolean) as is_every_product_count,
        cast(null as int) as units_per_one,
        cast(null as bigint) as clients,
        {{ wide_integer('null') }} as total_units,
        {{ wide_integer('null') }} as total_squared_units,
        {%- for name in shares %}
        cast(null as double) as {{ name }},
        {%- endfor %}
        cast(null as double) as minimum,
        cast(null as double) as maximum
    where false
    {%- for row in number_traits() %}
    union all
    {%- set kind = row.kind %}
    {%- set units = whole_units(row.trait, kind) %}
    select
        '{{ row.trait }}' as trait,
        is_churned,
        product_count,
        is_every_product_count,
        {{ units_per_one(kind) }} as units_per_one,
        {%- if kind == 'money' and not counts_money() %}
        clients,
        total_units,
        total_squared_units,
        {%- for name in shares %}
        {{ list_item('quartiles', loop.index) }} as {{ name }},
        {%- endfor %}
        minimum,
        maximum
    from (
        select
            is_churned,
            counted_products as product_count,
            grouping(counted_products) = 1 as is_every_product_count,
            count(*) as clients,
            {{ sum_of_units(row.trait, kind) }} as total_units,
            sum({{ wide_integer(units) }} * {{ units }}) as total_squared_units,
            {{ quantiles(row.trait, [0.25, 0.5, 0.75]) }} as quartiles,
            cast(min({{ row.trait }}) as double) as minimum,
            cast(max({{ row.trait }}) as double) as maximum
        from clients
        where {{ row.trait }} is not null
        group by is_churned, rollup(counted_products)
    ) as summarised
    {%- else %}
        cast(sum(clients) as bigint) as clients,
        sum({{ wide_integer('value_units') }} * clients) as total_units,
        sum({{ wide_integer('value_units') }} * value_units * clients) as total_squared_units,
        {%- for name, share in shares.items() %}
        cast({{ counted_quantile('value_units', 'clients_up_to', 'all_clients', share) }} as double)
        / {{ units_per_one(kind) }} as {{ name }},
        {%- endfor %}
        cast(min(value_units) as double) / {{ units_per_one(kind) }} as minimum,
        cast(max(value_units) as double) / {{ units_per_one(kind) }} as maximum
    {#- Whole numbers repeat: a count of each serves every sum and quantile, however many the clients. #}
    from (
        select
            *,
            sum(clients) over (
                partition by is_churned, is_every_product_count, product_count order by value_units
            ) as clients_up_to,
            sum(clients) over (partition by is_churned, is_every_product_count, product_count) as all_clients
        from (
            select
                is_churned,
                counted_products as product_count,
                grouping(counted_products) = 1 as is_every_product_count,
                {{ units }} as value_units,
                count(*) as clients
            from clients
            where {{ row.trait }} is not null
            group by is_churned, value_units, rollup(counted_products)
        ) as counted
    ) as cumulated
    group by is_churned, is_every_product_count, product_count
    {%- endif %}
    {%- endfor %}

),

final as (

    -- Who has no number of products is in the summary of all alone.
    select * from summarised_traits
    where is_every_product_count or product_count is not null

)

select * from final
