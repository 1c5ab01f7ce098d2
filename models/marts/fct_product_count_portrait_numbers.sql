with

number_summaries as (

    select * from {{ ref('int_number_summaries') }}

),

final as (

    select
        product_count,
        trait,
        clients,
        {{ mean('clients', 'total_units', 'units_per_one') }} as mean,
        {{ standard_deviation('clients', 'total_units', 'total_squared_units', 'units_per_one') }}
            as standard_deviation,
        p25,
        median,
        p75
    from number_summaries
    where not is_every_product_count and not is_churned

)

select * from final
