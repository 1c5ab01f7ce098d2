with

candidates as (

    select * from {{ ref('int_segment_candidates') }}

),

conditions as (

    select * from {{ ref('fct_segment_candidate_conditions') }}

),

levels as (

    select * from {{ ref('dim_trait_levels') }}

),

traits as (

    select * from {{ ref('dim_traits') }}
    where kind = 'category'

),

segments as (

    select * from {{ ref('fct_segment_metrics') }}

),

segment_names as (

    select * from {{ ref('dim_segments') }}

),

findings as (

    select * from {{ ref('int_segment_findings') }}
    where sample_kind = 'all'

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

named as (

    select
        conditions.candidate_id,
        {{ join_rows("traits.name_ru || ': ' || levels.label_ru", '; ', order='traits.sort_order') }} as name_ru,
        {{ join_rows("traits.name_en || ': ' || levels.label_en", '; ', order='traits.sort_order') }} as name_en,
        {{ join_rows(
            "conditions.candidate_id || ','"
            " || replace(levels.rule_lines, chr(10), chr(10) || conditions.candidate_id || ',')",
            '\n',
            order='traits.sort_order'
        ) }} as rule_lines
    from conditions
    inner join levels on conditions.trait = levels.trait and conditions.level = levels.level
    inner join traits on conditions.trait = traits.trait
    group by conditions.candidate_id

),

counted as (

    select
        candidates.candidate_id,
        named.name_ru,
        named.name_en,
        false as is_declared,
        candidates.depth,
        candidates.clients,
        candidates.churned_clients,
        named.rule_lines
    from candidates
    inner join named on candidates.candidate_id = named.candidate_id
    union all
    select
        segments.segment_id as candidate_id,
        segment_names.name_ru,
        segment_names.name_en,
        true as is_declared,
        cast(null as int) as depth,
        segments.clients,
        segments.churned_clients,
        cast(null as string) as rule_lines
    from segments
    inner join segment_names on segments.segment_id = segment_names.segment_id

),

rated as (

    select
        counted.*,
        {{ rate('counted.clients', 'bank.clients') }} as coverage,
        {{ rate('counted.churned_clients', 'counted.clients') }} as churn_rate,
        {{ wilson_low('counted.churned_clients', 'counted.clients') }} as churn_rate_low,
        {{ wilson_high('counted.churned_clients', 'counted.clients') }} as churn_rate_high,
        bank.bank_churn_rate,
        {{ rate('counted.churned_clients', 'bank.churned_clients') }} as share_of_churned,
        findings.enrichment,
        findings.p_value,
        findings.is_significant,
        coalesce(findings.is_redundant, false) as is_redundant,
        coalesce(findings.is_known, false) as is_known,
        findings.finding_rank,
        {{ is_too_small('counted.clients', 'bank.minimum_clients', 'counted.churned_clients') }} as is_too_small
    from counted
    left join findings on counted.candidate_id = findings.candidate_id
    cross join bank

),

final as (

    select
        candidate_id,
        name_ru,
        name_en,
        is_declared,
        depth,
        clients,
        coverage,
        churned_clients,
        churn_rate,
        churn_rate_low,
        churn_rate_high,
        bank_churn_rate,
        {{ lift('churn_rate', 'bank_churn_rate') }} as lift,
        share_of_churned,
        coverage * (churn_rate - bank_churn_rate) as weighted_relative_accuracy,
        enrichment,
        p_value,
        is_significant,
        is_redundant,
        is_known,
        {{ rank_among('enrichment is not null', order='enrichment desc', function='rank') }} as candidate_rank,
        finding_rank,
        rule_lines,
        is_too_small
    from rated

)

select * from final
