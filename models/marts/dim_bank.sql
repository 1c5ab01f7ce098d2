with

bank as (

    select * from {{ ref('bank') }}

),

columns as (

    select * from {{ ref('columns') }}

),

final as (

    select
        bank.bank,
        bank.name_ru,
        bank.name_en,
        bank.currency,
        bank.is_synthetic,
        coalesce(bool_or(columns.role = 'split'), false) as has_territory,
        coalesce(bool_or(columns.role = 'product_count'), false) as has_product_count,
        coalesce(bool_or(columns.column_name = 'balance'), false) as has_balance_column,
        bank.source_ru,
        bank.source_en
    from bank
    cross join columns
    group by all

)

select * from final
