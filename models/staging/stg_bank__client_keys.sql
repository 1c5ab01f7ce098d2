with

clients as (

    select * from {{ ref('stg_bank__clients') }}

),

final as (

    select
        client_id,
        client_key
    from clients

)

select * from final
