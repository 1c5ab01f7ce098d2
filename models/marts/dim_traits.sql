with

traits as (

    select * from {{ ref('traits') }}

),

final as (

    select
        trait,
        kind,
        name_ru,
        name_en,
        unit_ru,
        unit_en,
        sort_order
    from traits

)

select * from final
