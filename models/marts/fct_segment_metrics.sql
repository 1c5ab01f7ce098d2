with

segment_counts as (

    select * from {{ ref('int_segment_counts') }}

),

row_counts as (

    select * from {{ ref('int_row_counts') }}

),

final as (

    select
        segment_counts.segment_id,
        segment_counts.clients,
        {{ rate('segment_counts.clients', 'row_counts.accepted_rows') }} as coverage,
        segment_counts.churned_clients,
        {{ rate('segment_counts.churned_clients', 'segment_counts.clients') }} as churn_rate,
        {{ wilson_low('segment_counts.churned_clients', 'segment_counts.clients') }} as churn_rate_low,
        {{ wilson_high('segment_counts.churned_clients', 'segment_counts.clients') }} as churn_rate_high
    from segment_counts
    cross join row_counts

)

select * from final
