with

populations as (

    select * from {{ ref('int_populations') }}

),

final as (

    select
        population,
        name_ru,
        name_en,
        rule,
        sort_order
    from populations

)

select * from final
