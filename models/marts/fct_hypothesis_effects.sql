with

hypothesis_effects as (

    select * from {{ ref('int_hypothesis_effects') }}

),

undefined_reasons as (

    select * from {{ ref('undefined_reasons') }}

),

final as (

    select
        hypothesis_effects.hypothesis_id,
        hypothesis_effects.population,
        hypothesis_effects.effect_size_name,
        hypothesis_effects.effect_size,
        hypothesis_effects.effect_size_low,
        hypothesis_effects.effect_size_high,
        undefined_reasons.reason_ru,
        undefined_reasons.reason_en
    from hypothesis_effects
    left join undefined_reasons
        on
            undefined_reasons.reason_code = case
                when {{ is_one_of('hypothesis_effects.hypothesis_id', inapplicable_hypotheses()) }} then 'absent_column'
                else hypothesis_effects.reason_code
            end

)

select * from final
