with

candidates as (

    select * from {{ ref('int_segment_candidates') }}

),

conditions as (

    select * from {{ ref('fct_segment_candidate_conditions') }}

),

segments as (

    select * from {{ ref('fct_segment_metrics') }}
    where segment_id <> 'none'

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

counted as (

    select
        candidate_id,
        false as is_declared,
        depth,
        clients,
        churned_clients
    from candidates
    union all
    select
        segment_id as candidate_id,
        true as is_declared,
        cast(null as int) as depth,
        clients,
        churned_clients
    from segments

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
        tests.p_value < settings.significance_level as is_significant,
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
        rated.churn_rate / nullif(rated.bank_churn_rate, 0) as lift,
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
        is_too_small
    from ranked

)

select * from final
