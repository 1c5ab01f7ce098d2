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
    where segment_id <> 'none'

),

segment_names as (

    select * from {{ ref('dim_segments') }}

),

tests as (

    select * from {{ ref('int_segment_search_tests') }}

),

nearest_segments as (

    select * from {{ ref('fct_segment_candidate_overlaps') }}
    where overlap_rank = 1

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

settings as (

    select * from {{ ref('segment_search') }}

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
        concat_ws(
            ',',
            candidates.candidate_id,
            {{ csv_text('named.name_ru') }},
            {{ csv_text('named.name_en') }},
            {{ csv_text('named.name_ru') }},
            {{ csv_text('named.name_en') }}
        ) as segment_line,
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
        cast(null as string) as segment_line,
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
        tests.enrichment,
        tests.p_value,
        tests.p_value < settings.family_wise_error as is_significant,
        {{ is_too_small('counted.clients', 'bank.minimum_clients') }} as is_too_small,
        counted.depth >= settings.smallest_depth as is_deep_enough,
        coalesce(nearest_segments.overlap > settings.largest_overlap, false) as is_known,
        settings.target,
        settings.kept_candidates
    from counted
    left join tests on counted.candidate_id = tests.candidate_id
    left join nearest_segments on counted.candidate_id = nearest_segments.candidate_id
    cross join bank
    cross join settings

),

-- Each candidate with those that have some of its conditions, and no other.
wider as (

    select
        narrow.candidate_id,
        wide.candidate_id as wider_candidate_id
    from conditions as narrow
    inner join conditions as wide on narrow.trait = wide.trait and narrow.level = wide.level
    inner join candidates as narrow_candidates on narrow.candidate_id = narrow_candidates.candidate_id
    inner join candidates as wide_candidates on wide.candidate_id = wide_candidates.candidate_id
    where wide_candidates.depth < narrow_candidates.depth
    group by narrow.candidate_id, wide.candidate_id, wide_candidates.depth
    having count(*) = wide_candidates.depth

),

-- A further condition that leaves the rate where chance might have put it says nothing new.
redundant as (

    select distinct wider.candidate_id
    from wider
    inner join rated as narrow on wider.candidate_id = narrow.candidate_id
    inner join rated as wide on wider.wider_candidate_id = wide.candidate_id
    where
        case narrow.target
            when 'churned' then wide.churn_rate >= narrow.churn_rate_low
            else wide.churn_rate <= narrow.churn_rate_high
        end

),

compared as (

    select
        rated.*,
        {{ lift('rated.churn_rate', 'rated.bank_churn_rate') }} as lift,
        rated.coverage * (rated.churn_rate - rated.bank_churn_rate) as weighted_relative_accuracy,
        redundant.candidate_id is not null as is_redundant
    from rated
    left join redundant on rated.candidate_id = redundant.candidate_id

),

ranked as (

    select
        *,
        {{ rank_among('enrichment is not null', order='enrichment desc', function='rank') }} as candidate_rank,
        {{ rank_among(
            'is_deep_enough and is_significant and not is_redundant and not is_known and not is_too_small',
            order='abs(weighted_relative_accuracy) desc, candidate_id'
        ) }} as place_among_found
    from compared

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
        lift,
        share_of_churned,
        weighted_relative_accuracy,
        enrichment,
        p_value,
        is_significant,
        is_redundant,
        is_known,
        candidate_rank,
        case when place_among_found <= kept_candidates then place_among_found end as finding_rank,
        segment_line,
        rule_lines,
        is_too_small
    from ranked

)

select * from final
