with

trait_levels as (

    select * from {{ ref('int_trait_levels') }}

),

counted as (

    select
        product_count,
        clients,
        churned_clients
    from trait_levels
    where trait = 'product_count'

),

final as (

    select
        product_count,
        clients,
        clients - churned_clients as active_clients,
        churned_clients,
        {{ rate('churned_clients', 'clients') }} as churn_rate,
        {{ wilson_low('churned_clients', 'clients') }} as churn_rate_low,
        {{ wilson_high('churned_clients', 'clients') }} as churn_rate_high
    from counted

)

select * from final
