with

hypothesis_tests as (

    select * from {{ ref('int_hypothesis_tests') }}

),

final as (

    select
        hypothesis_id,
        population,
        test,
        is_primary,
        n_two_products,
        n_one_product,
        estimate_two_products,
        estimate_one_product,
        difference,
        difference_low,
        difference_high,
        statistic,
        degrees_of_freedom,
        p_value,
        p_value_adjusted,
        confidence_adjusted,
        difference_low_adjusted,
        difference_high_adjusted,
        effect_size_name,
        effect_size,
        effect_size_low,
        effect_size_high,
        equivalence_margin,
        equivalence_p_value,
        homogeneity_p_value,
        strata_used,
        strata_dropped,
        is_null_rejected,
        is_negligible,
        verdict,
        reason_ru,
        reason_en
    from hypothesis_tests
    where is_reported

)

select * from final
