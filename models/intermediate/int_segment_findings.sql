with

tests as (

    select * from {{ ref('int_segment_search_tests') }}

),

candidates as (

    select * from {{ ref('int_segment_candidates') }}

),

overlapping as (

    select * from {{ ref('int_segment_overlaps') }}

),

settings as (

    select * from {{ ref('segment_search') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

conditions as (

    select
        candidate_id,
        depth,
        {{ each_part('conditions', '\x1e') }} as condition
    from candidates

),

-- Each candidate with those that have some of its conditions, and no other.
wider as (

    select
        narrow.candidate_id,
        wide.candidate_id as wider_candidate_id
    from conditions as narrow
    inner join conditions as wide on narrow.condition = wide.condition and narrow.depth > wide.depth
    group by narrow.candidate_id, wide.candidate_id, wide.depth
    having count(*) = wide.depth

),

-- Nothing new is what the bank has named already; this does not change from sample to sample.
known as (

    select
        candidate_id,
        max(overlap) as largest_overlap
    from overlapping
    group by candidate_id

),

rated as (

    select
        tests.sample_kind,
        tests.draw,
        tests.candidate_id,
        tests.enrichment,
        tests.p_value,
        settings.target,
        settings.kept_candidates,
        {{ rate('tests.clients', 'tests.all_clients') }} as coverage,
        {{ rate('tests.churned_clients', 'tests.clients') }} as churn_rate,
        {{ rate('tests.all_churned_clients', 'tests.all_clients') }} as all_churn_rate,
        {{ wilson_low('tests.churned_clients', 'tests.clients') }} as churn_rate_low,
        {{ wilson_high('tests.churned_clients', 'tests.clients') }} as churn_rate_high,
        tests.p_value < settings.family_wise_error as is_significant,
        coalesce(known.largest_overlap > settings.largest_overlap, false) as is_known,
        candidates.depth >= settings.smallest_depth
        and not {{ is_too_small('tests.clients', 'bank.minimum_clients', 'tests.churned_clients') }} as can_be_found
    from tests
    left join candidates on tests.candidate_id = candidates.candidate_id
    left join known on tests.candidate_id = known.candidate_id
    cross join settings
    cross join bank

),

-- A further condition that leaves the rate where chance might have put it says nothing new.
redundant as (

    select distinct
        narrow.sample_kind,
        narrow.draw,
        narrow.candidate_id
    from wider
    inner join rated as narrow on wider.candidate_id = narrow.candidate_id
    inner join rated as wide
        on
            wider.wider_candidate_id = wide.candidate_id
            and narrow.sample_kind = wide.sample_kind
            and narrow.draw = wide.draw
    where
        case narrow.target
            when 'churned' then wide.churn_rate >= narrow.churn_rate_low
            else wide.churn_rate <= narrow.churn_rate_high
        end

),

ranked as (

    select
        rated.*,
        {{ lift('rated.churn_rate', 'rated.all_churn_rate') }} as lift,
        redundant.candidate_id is not null as is_redundant,
        {{ rank_among(
            'rated.can_be_found and rated.is_significant and redundant.candidate_id is null and not rated.is_known',
            order='abs(rated.coverage * (rated.churn_rate - rated.all_churn_rate)) desc, rated.candidate_id',
            per='rated.sample_kind, rated.draw'
        ) }} as place_among_found
    from rated
    left join redundant
        on
            rated.sample_kind = redundant.sample_kind
            and rated.draw = redundant.draw
            and rated.candidate_id = redundant.candidate_id

),

final as (

    select
        sample_kind,
        draw,
        candidate_id,
        coverage,
        churn_rate,
        lift,
        enrichment,
        p_value,
        is_significant,
        is_redundant,
        is_known,
        case when place_among_found <= kept_candidates then place_among_found end as finding_rank
    from ranked

)

select * from final
