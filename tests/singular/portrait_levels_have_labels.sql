with

traits as (

    select * from {{ ref('dim_traits') }}

),

trait_levels as (

    select * from {{ ref('dim_trait_levels') }}

),

churn_portrait as (

    select * from {{ ref('fct_churn_portrait') }}

),

labelled as (

    select
        traits.trait,
        churn_portrait.level,
        trait_levels.label_ru,
        trait_levels.label_en,
        trait_levels.sort_order
    from churn_portrait
    left join traits on churn_portrait.trait = traits.trait
    left join trait_levels
        on churn_portrait.trait = trait_levels.trait and churn_portrait.level = trait_levels.level
    where traits.kind = 'category' or traits.kind is null

)

-- No level is without a trait, a label or a place in the order.
select *
from labelled
where
    trait is null
    or coalesce(label_ru, '') = ''
    or coalesce(label_en, '') = ''
    or sort_order is null
