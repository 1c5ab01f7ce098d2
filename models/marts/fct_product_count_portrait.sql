with

trait_levels as (

    select * from {{ ref('int_trait_levels') }}

),

active as (

    select
        product_count,
        trait,
        level,
        clients - churned_clients as clients
    from trait_levels
    where trait <> 'product_count' and clients > churned_clients

),

final as (

    select
        product_count,
        trait,
        level,
        clients,
        {{ rate('clients', 'sum(clients) over (partition by product_count, trait)') }} as share
    from active

)

select * from final
