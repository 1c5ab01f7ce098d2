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
        hypothesis_tests.trimming,
        hypothesis_tests.territory,
        hypothesis_tests.test,
        conclusions.first_group_clients,
        conclusions.second_group_clients,
        hypothesis_tests.first_group_estimate,
        hypothesis_tests.second_group_estimate,
        hypothesis_tests.difference,
        hypothesis_tests.difference_low,
        hypothesis_tests.difference_high,
        hypothesis_tests.p_value,
        hypothesis_tests.p_value_adjusted,
        hypothesis_tests.equivalence_margin,
        hypothesis_tests.equivalence_p_value,
        conclusions.verdict,
        conclusions.conclusion,
        conclusions.baseline_conclusion,
        conclusions.is_baseline,
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
    where hypothesis_tests.is_primary

)

select * from final
