with

rejected_clients as (

    select * from {{ ref('int_rejected_clients') }}

),

final as (

    select
        source_row_number,
        {{ each_part('reasons', '; ') }} as reason
    from rejected_clients

)

select * from final
