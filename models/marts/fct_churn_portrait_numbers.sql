with

number_summaries as (

    select * from {{ ref('int_number_summaries') }}

),

final as (

    select
        trait,
        case when is_churned then 'churned' else 'active' end as population,
        clients,
        {{ mean('clients', 'total_units', 'units_per_one') }} as mean,
        {{ standard_deviation('clients', 'total_units', 'total_squared_units', 'units_per_one') }}
            as standard_deviation,
        p25,
        median,
        p75,
        minimum,
        maximum
    from number_summaries
    where is_every_product_count

)

select * from final
