with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    select
        client_key,
        {{ each_part('segment_ids', ',') }} as segment_id
    from clients
    where segment_ids <> ''

)

select * from final
