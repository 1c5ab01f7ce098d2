-- No level is without a trait, a label or a place in the order.
select
    churn_portrait.trait,
    churn_portrait.level
from {{ ref('fct_churn_portrait') }} as churn_portrait
left join {{ ref('dim_traits') }} as traits
    on churn_portrait.trait = traits.trait and traits.kind = 'category'
left join {{ ref('dim_trait_levels') }} as trait_levels
    on churn_portrait.trait = trait_levels.trait and churn_portrait.level = trait_levels.level
where
    traits.trait is null
    or coalesce(trait_levels.label_ru, '') = ''
    or coalesce(trait_levels.label_en, '') = ''
    or trait_levels.sort_order is null
