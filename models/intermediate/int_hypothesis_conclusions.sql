with

hypothesis_tests as (

    select * from {{ ref('int_hypothesis_tests') }}

),

populations as (

    select * from {{ ref('populations') }}

),

hypotheses as (

    select * from {{ ref('hypotheses') }}

),

decided as (

    select
        hypothesis_tests.*,
        hypothesis_tests.p_value_adjusted < hypotheses.alpha as is_null_rejected,
        hypothesis_tests.homogeneity_p_value < hypotheses.alpha as is_heterogeneous,
        hypothesis_tests.equivalence_p_value < hypotheses.alpha as is_equivalence_shown,
        hypothesis_tests.difference_low > -hypothesis_tests.equivalence_margin
        and hypothesis_tests.difference_high < hypothesis_tests.equivalence_margin as is_within_margin,
        -- What the findings lead with: the first population that the hypothesis names, whole.
        hypothesis_tests.is_primary
        and hypothesis_tests.is_reported
        and populations.sort_order = min(case when hypothesis_tests.is_reported then populations.sort_order end)
            over (partition by hypothesis_tests.hypothesis_id) as is_baseline
    from hypothesis_tests
    inner join populations on hypothesis_tests.population = populations.population
    inner join hypotheses on hypothesis_tests.hypothesis_id = hypotheses.hypothesis_id

),

concluded as (

    select
        *,
        case
            when is_null_rejected is null then 'not_tested'
            when is_null_rejected and is_within_margin then 'negligible'
            when is_null_rejected then 'different'
            when is_equivalence_shown then 'equivalent'
            else 'inconclusive'
        end as conclusion,
        {{ is_one_of('hypothesis_id', inapplicable_hypotheses()) }} as is_inapplicable
    from decided

),

compared as (

    select
        *,
        max(case when is_baseline then conclusion end) over (partition by hypothesis_id) as baseline_conclusion,
        bool_or(case when is_primary then is_null_rejected end)
            over (partition by hypothesis_id, population, trimming, territory) as is_primary_null_rejected
    from concluded

),

final as (

    select
        hypothesis_id,
        population,
        trimming,
        territory,
        test,
        case when not is_inapplicable then first_group_clients end as first_group_clients,
        case when not is_inapplicable then second_group_clients end as second_group_clients,
        case when is_inapplicable then 'absent_column' else reason_code end as reason_code,
        is_null_rejected,
        is_heterogeneous,
        case conclusion when 'negligible' then 'different' when 'not_tested' then null else conclusion end as verdict,
        conclusion,
        baseline_conclusion,
        is_baseline,
        case
            when is_primary and conclusion <> 'not_tested' and baseline_conclusion <> 'not_tested'
                then
                    conclusion <> baseline_conclusion
                    -- Both say that the difference lies within the margin.
                    and not (
                        conclusion in ('equivalent', 'negligible')
                        and baseline_conclusion in ('equivalent', 'negligible')
                    )
        end as is_flipped,
        is_null_rejected = is_primary_null_rejected as has_primary_decision
    from compared

)

select * from final
