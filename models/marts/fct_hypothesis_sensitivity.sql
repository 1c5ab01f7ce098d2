with

hypothesis_tests as (

    select * from {{ ref('int_hypothesis_tests') }}

),

primary_tests as (

    select * from hypothesis_tests
    where is_primary

),

-- What the conclusions lead with: all clients, nothing trimmed, every city.
baseline as (

    select
        hypothesis_id,
        verdict as baseline_verdict
    from primary_tests
    where population = 'all_clients' and trimming = 'none' and city = 'all'

),

final as (

    select
        primary_tests.hypothesis_id,
        primary_tests.population,
        primary_tests.trimming,
        primary_tests.city,
        primary_tests.test,
        primary_tests.n_two_products,
        primary_tests.n_one_product,
        primary_tests.estimate_two_products,
        primary_tests.estimate_one_product,
        primary_tests.difference,
        primary_tests.difference_low,
        primary_tests.difference_high,
        primary_tests.p_value,
        primary_tests.p_value_adjusted,
        primary_tests.equivalence_margin,
        primary_tests.equivalence_p_value,
        primary_tests.verdict,
        baseline.baseline_verdict,
        primary_tests.verdict <> baseline.baseline_verdict as is_flipped,
        primary_tests.reason_ru,
        primary_tests.reason_en
    from primary_tests
    left join baseline on primary_tests.hypothesis_id = baseline.hypothesis_id

)

select * from final
