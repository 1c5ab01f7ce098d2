with

client_rows as (

    select * from {{ ref('stg_bank__client_rows') }}

),

final as (

    select
        count(*) as read_rows,
        count(*) filter (where reasons is null) as accepted_rows,
        count(*) filter (where reasons is not null) as rejected_rows,
        count(*) filter (where reasons is null and is_loyal and is_churned) as loyal_churned_clients,
        count(*) filter (where reasons is null and balance is null) as clients_without_balance
    from client_rows

)

select * from final
