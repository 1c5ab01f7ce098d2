with

hypothesis_tests as (

    select * from {{ ref('int_hypothesis_tests') }}

),

populations as (

    select * from {{ ref('populations') }}

),

concluded as (

    select
        hypothesis_tests.hypothesis_id,
        hypothesis_tests.population,
        hypothesis_tests.trimming,
        hypothesis_tests.city,
        hypothesis_tests.test,
        hypothesis_tests.is_primary,
        hypothesis_tests.is_null_rejected,
        hypothesis_tests.verdict,
        case
            when hypothesis_tests.verdict = 'different' and hypothesis_tests.is_negligible then 'negligible'
            else coalesce(hypothesis_tests.verdict, 'not_tested')
        end as conclusion,
        -- What the findings lead with: the first population that the hypothesis names, whole.
        hypothesis_tests.is_primary
        and hypothesis_tests.is_reported
        and populations.sort_order = min(case when hypothesis_tests.is_reported then populations.sort_order end)
            over (partition by hypothesis_tests.hypothesis_id) as is_baseline
    from hypothesis_tests
    inner join populations on hypothesis_tests.population = populations.population

),

baselines as (

    select * from concluded
    where is_baseline

),

primary_tests as (

    select * from concluded
    where is_primary

),

final as (

    select
        concluded.hypothesis_id,
        concluded.population,
        concluded.trimming,
        concluded.city,
        concluded.test,
        concluded.conclusion,
        baselines.verdict as baseline_verdict,
        baselines.conclusion as baseline_conclusion,
        concluded.is_baseline,
        case
            when concluded.is_primary and concluded.conclusion <> 'not_tested' and baselines.conclusion <> 'not_tested'
                then concluded.conclusion <> baselines.conclusion
        end as is_flipped,
        concluded.is_null_rejected = primary_tests.is_null_rejected as has_primary_decision
    from concluded
    left join baselines on concluded.hypothesis_id = baselines.hypothesis_id
    left join primary_tests
        on
            concluded.hypothesis_id = primary_tests.hypothesis_id
            and concluded.population = primary_tests.population
            and concluded.trimming = primary_tests.trimming
            and concluded.city = primary_tests.city

)

select * from final
