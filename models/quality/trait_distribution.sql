with

trait_distribution as (

    select * from {{ ref('int_trait_distribution') }}

),

final as (

    select
        trait,
        level,
        clients,
        share_of_clients,
        band_definition
    from trait_distribution

)

select * from final
