with

segments as (

    select * from {{ ref('int_segments') }}

),

final as (

    select
        segment_id,
        name_ru,
        name_en,
        rule,
        description_ru,
        description_en
    from segments

)

select * from final
