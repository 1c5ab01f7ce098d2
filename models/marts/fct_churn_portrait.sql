with

trait_levels as (

    select * from {{ ref('int_trait_levels') }}

),

counted as (

    select
        trait,
        level,
        cast(sum(clients) as bigint) as clients,
        cast(sum(churned_clients) as bigint) as churned_clients
    from trait_levels
    group by trait, level

),

totalled as (

    select
        *,
        sum(clients) over by_trait as all_clients,
        sum(churned_clients) over by_trait as all_churned_clients
    from counted
    window by_trait as (partition by trait)

),

final as (

    select
        trait,
        level,
        clients,
        churned_clients,
        {{ rate('churned_clients', 'clients') }} as churn_rate,
        {{ wilson_low('churned_clients', 'clients') }} as churn_rate_low,
        {{ wilson_high('churned_clients', 'clients') }} as churn_rate_high,
        {{ rate('churned_clients', 'all_churned_clients') }} as share_of_churned,
        {{ rate('(clients - churned_clients)', '(all_clients - all_churned_clients)') }} as share_of_active,
        {{ rate('churned_clients', 'clients') }} / nullif({{ rate('all_churned_clients', 'all_clients') }}, 0) as lift
    from totalled

)

select * from final
