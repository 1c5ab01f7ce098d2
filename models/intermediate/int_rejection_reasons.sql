with

rejected_clients as (

    select * from {{ ref('int_rejected_clients') }}

),

final as (

    select
        source_row_number,
        unnest(string_split(reasons, '; ')) as reason
    from rejected_clients

)

select * from final
