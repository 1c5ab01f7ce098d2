with

bank as (

    select * from {{ ref('bank') }}

),

final as (

    select
        bank,
        name_ru,
        name_en,
        currency,
        is_synthetic,
        source_ru,
        source_en
    from bank

)

select * from final
