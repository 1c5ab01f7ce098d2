{%- set numbers = seed_rows('traits') | selectattr('kind', 'equalto', 'number') | list %}

with

clients as (

    select * from {{ ref('dim_clients') }}

),

trait_values as (

    {%- for row in numbers %}
    select
        '{{ row.trait }}' as trait,
        cast({{ row.trait }} as double) as value
    from clients
    where {{ row.trait }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

final as (

    select
        trait,
        count(*) as clients,
        count(distinct value) as distinct_values,
        avg(value) as mean,
        stddev_samp(value) as standard_deviation,
        skewness(value) as skewness,
        min(value) as minimum,
        quantile_cont(value, 0.25) as p25,
        quantile_cont(value, 0.5) as median,
        quantile_cont(value, 0.75) as p75,
        max(value) as maximum
    from trait_values
    group by trait

)

select * from final
order by trait
