{%- set numbers = seed_rows('traits') | selectattr('kind', 'equalto', 'number') | list %}

with

clients as (

    select * from {{ ref('dim_clients') }}

),

trait_values as (

    {%- for row in numbers %}
    select
        '{{ row.trait }}' as trait,
        cast({{ row.trait }} as double) as value,
        is_churned
    from clients
    where {{ row.trait }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

-- Tukey's rule: beyond one and a half interquartile ranges from the middle half.
fences as (

    select
        trait,
        2.5 * quantile_cont(value, 0.25) - 1.5 * quantile_cont(value, 0.75) as lower_fence,
        2.5 * quantile_cont(value, 0.75) - 1.5 * quantile_cont(value, 0.25) as upper_fence
    from trait_values
    group by trait

),

counted as (

    select
        fences.trait,
        fences.lower_fence,
        fences.upper_fence,
        count(*) as clients,
        count(*) filter (where trait_values.value < fences.lower_fence) as clients_below,
        count(*) filter (where trait_values.value > fences.upper_fence) as clients_above,
        count(*) filter (
            where
            trait_values.is_churned
            and trait_values.value not between fences.lower_fence and fences.upper_fence
        ) as churned_outliers
    from trait_values
    inner join fences on trait_values.trait = fences.trait
    group by fences.trait, fences.lower_fence, fences.upper_fence

),

final as (

    select
        trait,
        lower_fence,
        upper_fence,
        clients,
        clients_below,
        clients_above,
        {{ rate('(clients_below + clients_above)', 'clients') }} as share_of_outliers,
        {{ rate('churned_outliers', '(clients_below + clients_above)') }} as churn_rate_of_outliers
    from counted

)

select * from final
order by trait
