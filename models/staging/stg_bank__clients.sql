with

client_rows as (

    select * from {{ ref('stg_bank__client_rows') }}

),

final as (

    select
        client_id,
        client_key,
        credit_score,
        city,
        gender,
        age,
        owned_objects,
        balance,
        product_count,
        has_credit_card,
        is_loyal,
        estimated_salary,
        is_churned
    from client_rows
    where reasons is null

)

select * from final
