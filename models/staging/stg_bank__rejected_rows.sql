with

source as (

    select * from {{ source('bank', 'clients') }}

),

client_rows as (

    select * from {{ ref('stg_bank__client_rows') }}

),

final as (

    select
        source.source_row_number,
        client_rows.reasons,
        source.score,
        source.City,
        source.Gender,
        source.Age,
        source.Objects,
        source.Balance,
        source.Products,
        source.CreditCard,
        source.Loyalty,
        source.estimated_salary,
        source.Churn
    from source
    inner join client_rows on source.source_row_number = client_rows.source_row_number
    where client_rows.reasons is not null

)

select * from final
