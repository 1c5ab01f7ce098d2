with

membership as (

    select * from {{ ref('int_segment_membership') }}

),

final as (

    select
        client_key,
        segment_id
    from membership

)

select * from final
