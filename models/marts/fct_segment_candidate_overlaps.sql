with

overlapping as (

    select * from {{ ref('int_segment_overlaps') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

final as (

    select
        overlapping.candidate_id,
        overlapping.segment_id,
        overlapping.shared_clients,
        overlapping.other_clients,
        overlapping.other_churned_clients,
        {{ rate('overlapping.other_churned_clients', 'overlapping.other_clients') }} as other_churn_rate,
        overlapping.overlap,
        {{ rank_among(
            'true', order='overlapping.overlap desc, overlapping.segment_id', per='overlapping.candidate_id'
        ) }} as overlap_rank,
        {{ is_too_small('overlapping.shared_clients', 'bank.minimum_clients') }}
        or (overlapping.other_clients > 0 and {{ is_too_small(
            'overlapping.other_clients', 'bank.minimum_clients', 'overlapping.other_churned_clients'
        ) }}) as is_too_small
    from overlapping
    cross join bank

)

select * from final
