with

rejected_rows as (

    select * from {{ ref('int_rejected_clients') }}

),

final as (

    select
        source_row_number,
        reasons,
        score,
        city,
        gender,
        age,
        objects,
        balance,
        products,
        creditcard,
        loyalty,
        estimated_salary,
        churn
    from rejected_rows

)

select * from final
