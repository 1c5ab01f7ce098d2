with

portrait as (

    select * from {{ ref('fct_churn_portrait') }}

),

labels as (

    select * from {{ ref('dim_trait_levels') }}

),

final as (

    select
        portrait.trait,
        portrait.level,
        labels.label_ru,
        labels.label_en,
        portrait.clients,
        {{ rate('portrait.clients', 'sum(portrait.clients) over (partition by portrait.trait)') }} as share_of_clients
    from portrait
    inner join labels on portrait.trait = labels.trait and portrait.level = labels.level

)

select * from final
order by trait asc, clients desc, level asc
