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

final as (

    select
        traits.trait,
        traits.kind,
        traits.name_ru,
        traits.name_en,
        traits.unit_ru,
        traits.unit_en,
        case
            when traits.kind = 'category' and columns.role = 'split' then 'territory'
            when traits.kind = 'category' and columns.role = 'product_count' then 'product_count'
            -- The first trait on the dashboard whose levels are an order: churn is shown along it.
            when {{ rank_among(
                'traits.is_on_dashboard and banded.trait is not null', order='traits.sort_order, traits.trait'
            ) }} = 1 then 'scale'
        end as trait_role,
        traits.sort_order
    from traits
    left join columns on traits.trait = columns.column_name
    left join banded on traits.trait = banded.trait

)

select * from final
