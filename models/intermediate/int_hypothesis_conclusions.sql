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
        coalesce(hypothesis_tests.equivalence_p_value < hypotheses.alpha, false) as is_equivalence_shown,
        coalesce(
            hypothesis_tests.difference_low > -hypothesis_tests.equivalence_margin
            and hypothesis_tests.difference_high < hypothesis_tests.equivalence_margin,
            false
        ) as is_within_margin,
        -- What the findings lead with: the first population that the hypothesis names, whole.
        hypothesis_tests.is_primary
        and hypothesis_tests.is_reported
        and populations.sort_order = min(case when hypothesis_tests.is_reported then populations.sort_order end)
            over (partition by hypothesis_tests.hypothesis_id) as is_baseline
    from hypothesis_tests
    inner join populations on hypothesis_tests.population = populations.population
    inner join hypotheses on hypothesis_tests.hypothesis_id = hypotheses.hypothesis_id

),

judged as (

    select
        *,
        case when is_null_rejected is not null then is_null_rejected and is_within_margin end as is_negligible,
        case
            when is_null_rejected then 'different'
            when is_null_rejected is null then null
            when is_equivalence_shown then 'equivalent'
            else 'inconclusive'
        end as verdict
    from decided

),

concluded as (

    select
        *,
        case when is_negligible then 'negligible' else coalesce(verdict, 'not_tested') end as conclusion,
        {{ is_one_of('hypothesis_id', inapplicable_hypotheses()) }} as is_inapplicable
    from judged

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
        concluded.territory,
        concluded.test,
        case when not concluded.is_inapplicable then concluded.first_group_clients end as first_group_clients,
        case when not concluded.is_inapplicable then concluded.second_group_clients end as second_group_clients,
        case when concluded.is_inapplicable then 'absent_column' else concluded.reason_code end as reason_code,
        concluded.is_null_rejected,
        concluded.is_negligible,
        concluded.verdict,
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
            and concluded.territory = primary_tests.territory

)

select * from final
