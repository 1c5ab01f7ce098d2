with

rejected_rows as (

    select * from {{ ref('int_rejected_clients') }}

),

final as (

    select
        source_row_number,
        reasons,
        score,
        City,
        Gender,
        Age,
        Objects,
        Balance,
        Products,
        CreditCard,
        Loyalty,
        estimated_salary,
        Churn
    from rejected_rows

)

select * from final
