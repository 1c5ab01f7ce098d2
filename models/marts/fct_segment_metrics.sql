with

segment_counts as (

    select * from {{ ref('int_segment_counts') }}

),

segment_rules as (

    select * from {{ ref('segment_rules') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

-- Of churned or of active clients alone: their churn rate is no finding. A segment that is not applicable counts
-- nobody, and leaves nobody out.
chosen_by_churn as (

    select distinct segment_counts.segment_id
    from segment_counts
    inner join segment_rules on segment_counts.segment_id = segment_rules.segment_id
    where segment_rules.column_name = 'is_churned' and segment_counts.clients is not null

),

compared as (

    select
        segment_counts.segment_id,
        segment_counts.clients,
        {{ rate('segment_counts.clients', 'bank.clients') }} as coverage,
        segment_counts.churned_clients,
        {{ rate('segment_counts.churned_clients', 'segment_counts.clients') }} as churn_rate,
        {{ wilson_low('segment_counts.churned_clients', 'segment_counts.clients') }} as churn_rate_low,
        {{ wilson_high('segment_counts.churned_clients', 'segment_counts.clients') }} as churn_rate_high,
        bank.bank_churn_rate,
        -- Nor is that of those in no segment, whom such a rule leaves out.
        chosen_by_churn.segment_id is not null
        or (segment_counts.segment_id = 'none' and count(chosen_by_churn.segment_id) over () > 0)
            as is_churn_set_by_rule,
        {{ is_too_small('segment_counts.clients', 'bank.minimum_clients', 'segment_counts.churned_clients') }}
            as is_too_small
    from segment_counts
    left join chosen_by_churn on segment_counts.segment_id = chosen_by_churn.segment_id
    cross join bank

),

ranked as (

    select
        *,
        {{ rank_among("segment_id <> 'none' and not is_too_small", order='clients desc, segment_id desc') }}
            as clients_rank,
        {{ position_against('churn_rate_low', 'churn_rate_high', 'bank_churn_rate') }} as churn_rate_position,
        {{ lift('churn_rate', 'bank_churn_rate') }} as lift,
        {{ rank_among(
            "segment_id <> 'none' and churn_rate > 0 and not is_churn_set_by_rule and not is_too_small",
            order='churn_rate desc',
            function='rank'
        ) }} as churn_rate_rank
    from compared

),

final as (

    select
        segment_id,
        clients,
        clients_rank,
        coverage,
        churned_clients,
        churn_rate,
        churn_rate_low,
        churn_rate_high,
        bank_churn_rate,
        churn_rate_position,
        lift,
        is_churn_set_by_rule,
        churn_rate_rank,
        {{ is_clear_of_next('churn_rate_rank', 'churn_rate_low', 'churn_rate_high') }} as is_clear_of_next,
        is_too_small
    from ranked

)

select * from final
