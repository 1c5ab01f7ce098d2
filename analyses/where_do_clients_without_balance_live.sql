with

clients as (

    select * from {{ ref('dim_clients') }}

),

counted as (

    select
        {{ territory() }} as territory,
        count(*) as clients,
        count(*) filter (where not has_balance) as clients_without_balance,
        count(*) filter (where not has_balance and is_churned) as churned_without_balance,
        count(*) filter (where has_balance and is_churned) as churned_with_balance
    from clients
    group by all

),

final as (

    select
        territory,
        clients,
        clients_without_balance,
        {{ rate('clients_without_balance', 'clients') }} as share_without_balance,
        {{ rate('churned_without_balance', 'clients_without_balance') }} as churn_rate_without_balance,
        {{ rate('churned_with_balance', '(clients - clients_without_balance)') }} as churn_rate_with_balance
    from counted

)

select * from final
order by share_without_balance desc, territory asc
