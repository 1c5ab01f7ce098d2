with

level_labels as (

    select * from {{ ref('int_level_labels') }}

),

final as (

    select
        trait,
        level,
        label_ru,
        label_en,
        sort_order
    from level_labels

)

select * from final
