with

clients as (

    select * from {{ ref('dim_clients') }}

),

counted as (

    select
        is_loyal,
        coalesce(city, 'all') as city,
        count(*) as clients,
        count(*) filter (where is_churned) as churned_clients
    from clients
    group by is_loyal, rollup(city)

),

final as (

    select
        is_loyal,
        city,
        clients,
        churned_clients,
        {{ rate('churned_clients', 'clients') }} as churn_rate,
        {{ wilson_low('churned_clients', 'clients') }} as churn_rate_low,
        {{ wilson_high('churned_clients', 'clients') }} as churn_rate_high
    from counted

)

select * from final
order by is_loyal desc, city asc
