with

traits as (

    select * from {{ ref('traits') }}

),

columns as (

    select * from {{ ref('columns') }}

),

banded as (

    select distinct column_name || '_band' as trait from {{ ref('bands') }}

),

placed as (

    select
        traits.*,
        columns.role as column_role,
        -- The first trait on the dashboard whose levels are an order: churn is shown along it.
        {{ rank_among(
            "traits.is_on_dashboard and banded.trait is not null", order='traits.sort_order, traits.trait'
        ) }} = 1 as is_scale
    from traits
    left join columns on traits.trait = columns.column_name
    left join banded on traits.trait = banded.trait

),

final as (

    select
        trait,
        kind,
        name_ru,
        name_en,
        unit_ru,
        unit_en,
        case
            when kind = 'category' and column_role = 'split' then 'territory'
            when kind = 'category' and column_role = 'product_count' then 'product_count'
            when is_scale then 'scale'
        end as trait_role,
        sort_order
    from placed

)

select * from final
