with

cells as (

    select * from {{ ref('int_client_cells') }}

),

disclosure_limits as (

    select * from {{ ref('disclosure_limits') }}

),

final as (

    select
        cast(coalesce(sum(clients), 0) as bigint) as clients,
        {{ sum_where('clients', 'is_churned') }} as churned_clients,
        {{ rate(sum_where('clients', 'is_churned'), 'sum(clients)') }} as bank_churn_rate,
        (select max(disclosure_limits.minimum_clients) from disclosure_limits) as minimum_clients
    from cells

)

select * from final
