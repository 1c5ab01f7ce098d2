with

hypothesis_effects as (

    select * from {{ ref('int_hypothesis_effects') }}

),

final as (

    select
        hypothesis_id,
        population,
        effect_size_name,
        effect_size,
        effect_size_low,
        effect_size_high,
        reason_ru,
        reason_en
    from hypothesis_effects

)

select * from final
