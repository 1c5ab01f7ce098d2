with

candidates as (

    select * from {{ ref('fct_segment_candidates') }}
    where is_declared or finding_rank is not null

),

findings as (

    select * from {{ ref('int_segment_findings') }}

),

segment_metrics as (

    select * from {{ ref('fct_segment_metrics') }}

),

undefined_reasons as (

    select * from {{ ref('undefined_reasons') }}

),

-- Both ends of a 95 % interval.
bootstraps as (

    select
        candidate_id,
        percentile_cont(0.025) within group (order by coverage) as coverage_low,
        percentile_cont(0.975) within group (order by coverage) as coverage_high,
        percentile_cont(0.025) within group (order by churn_rate) as churn_rate_low,
        percentile_cont(0.975) within group (order by churn_rate) as churn_rate_high,
        percentile_cont(0.025) within group (order by lift) as lift_low,
        percentile_cont(0.975) within group (order by lift) as lift_high,
        {{ rate('count(finding_rank)', 'count(*)') }} as found_share
    from findings
    where sample_kind = 'bootstrap'
    group by candidate_id

),

-- What the search finds in one half counts as much as it does in the other; a declared segment is in every half.
hold_outs as (

    select
        half.candidate_id,
        -- Decimals, whose sum is the same in any order.
        cast(sum(cast(other_half.lift as decimal(28, 15))) as double) / count(other_half.lift) as lift_hold_out
    from findings as half
    inner join findings as other_half on half.candidate_id = other_half.candidate_id and half.draw = other_half.draw
    inner join candidates on half.candidate_id = candidates.candidate_id
    where
        half.sample_kind = 'half'
        and other_half.sample_kind = 'other_half'
        and (candidates.is_declared or half.finding_rank is not null)
    group by half.candidate_id

),

joined as (

    select
        candidates.*,
        bootstraps.coverage_low,
        bootstraps.coverage_high,
        bootstraps.churn_rate_low as churn_rate_bootstrap_low,
        bootstraps.churn_rate_high as churn_rate_bootstrap_high,
        bootstraps.lift_low,
        bootstraps.lift_high,
        case when not candidates.is_declared then bootstraps.found_share end as found_share,
        hold_outs.lift_hold_out,
        not coalesce(segment_metrics.is_churn_set_by_rule, false)
        and candidates.bank_churn_rate not in (0, 1) as can_vary,
        case
            when segment_metrics.is_churn_set_by_rule then 'set_by_rule'
            when candidates.clients = 0 then 'empty_group'
            when candidates.bank_churn_rate in (0, 1) then 'no_variation'
            when hold_outs.lift_hold_out is null then 'not_found_in_half'
        end as reason_code
    from candidates
    left join bootstraps on candidates.candidate_id = bootstraps.candidate_id
    left join hold_outs on candidates.candidate_id = hold_outs.candidate_id
    left join segment_metrics on candidates.candidate_id = segment_metrics.segment_id

),

-- Nobody is in a segment without clients, however they are drawn.
final as (

    select
        joined.candidate_id,
        joined.coverage,
        coalesce(joined.coverage_low, 0.0e0) as coverage_low,
        coalesce(joined.coverage_high, 0.0e0) as coverage_high,
        case when joined.can_vary then joined.churn_rate end as churn_rate,
        case when joined.can_vary then joined.churn_rate_bootstrap_low end as churn_rate_bootstrap_low,
        case when joined.can_vary then joined.churn_rate_bootstrap_high end as churn_rate_bootstrap_high,
        case when joined.can_vary then joined.lift end as lift,
        case when joined.can_vary then joined.lift_low end as lift_low,
        case when joined.can_vary then joined.lift_high end as lift_high,
        joined.found_share,
        case when joined.can_vary then joined.lift_hold_out end as lift_hold_out,
        undefined_reasons.reason_ru,
        undefined_reasons.reason_en,
        joined.is_too_small
    from joined
    left join undefined_reasons on joined.reason_code = undefined_reasons.reason_code

)

select * from final
