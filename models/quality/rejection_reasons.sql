with

rejection_reasons as (

    select * from {{ ref('int_rejection_reasons') }}

),

final as (

    select
        reason,
        count(*) as rejected_rows
    from rejection_reasons
    group by reason

)

select * from final
