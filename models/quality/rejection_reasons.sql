with

rejected_clients as (

    select * from {{ ref('rejected_clients') }}

),

-- One row for each reason of a row.
given as (

    select {{ each_part('reasons', '; ') }} as reason
    from rejected_clients

),

final as (

    select
        reason,
        count(*) as rejected_rows
    from given
    group by reason

)

select * from final
