with

bank as (

    select * from {{ ref('bank') }}

),

traits as (

    select * from {{ ref('dim_traits') }}

),

final as (

    select
        bank.bank,
        bank.name_ru,
        bank.name_en,
        bank.currency,
        bank.is_synthetic,
        coalesce(bool_or(traits.trait_role = 'territory'), false) as has_territory,
        coalesce(bool_or(traits.trait_role = 'product_count'), false) as has_product_count,
        coalesce(bool_or(traits.trait = 'balance' and traits.kind = 'number'), false) as has_balance_column,
        bank.source_ru,
        bank.source_en
    from bank
    cross join traits
    group by all

)

select * from final
