with

hypothesis_tests as (

    select * from {{ ref('int_hypothesis_tests') }}

),

conclusions as (

    select * from {{ ref('int_hypothesis_conclusions') }}

),

undefined_reasons as (

    select * from {{ ref('undefined_reasons') }}

),

final as (

    select
        hypothesis_tests.hypothesis_id,
        hypothesis_tests.population,
        hypothesis_tests.test,
        hypothesis_tests.is_primary,
        conclusions.first_group_clients,
        conclusions.second_group_clients,
        hypothesis_tests.first_group_estimate,
        hypothesis_tests.second_group_estimate,
        hypothesis_tests.difference,
        hypothesis_tests.difference_low,
        hypothesis_tests.difference_high,
        hypothesis_tests.statistic,
        hypothesis_tests.degrees_of_freedom,
        hypothesis_tests.p_value,
        hypothesis_tests.p_value_adjusted,
        hypothesis_tests.confidence_adjusted,
        hypothesis_tests.difference_low_adjusted,
        hypothesis_tests.difference_high_adjusted,
        hypothesis_tests.effect_size_name,
        hypothesis_tests.effect_size,
        hypothesis_tests.effect_size_low,
        hypothesis_tests.effect_size_high,
        hypothesis_tests.equivalence_margin,
        hypothesis_tests.equivalence_p_value,
        hypothesis_tests.homogeneity_p_value,
        conclusions.is_heterogeneous,
        hypothesis_tests.strata_used,
        hypothesis_tests.strata_dropped,
        conclusions.is_null_rejected,
        conclusions.verdict,
        conclusions.conclusion,
        conclusions.is_baseline,
        conclusions.has_primary_decision,
        conclusions.baseline_conclusion,
        conclusions.is_flipped,
        undefined_reasons.reason_ru,
        undefined_reasons.reason_en
    from hypothesis_tests
    inner join conclusions
        on
            hypothesis_tests.hypothesis_id = conclusions.hypothesis_id
            and hypothesis_tests.population = conclusions.population
            and hypothesis_tests.trimming = conclusions.trimming
            and hypothesis_tests.territory = conclusions.territory
            and hypothesis_tests.test = conclusions.test
    left join undefined_reasons on conclusions.reason_code = undefined_reasons.reason_code
    where hypothesis_tests.is_reported

)

select * from final
