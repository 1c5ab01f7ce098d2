with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    select
        client_key,
        city,
        gender,
        age,
        age_band,
        credit_score,
        owned_objects,
        balance,
        has_balance,
        product_count,
        has_credit_card,
        is_loyal,
        estimated_salary,
        is_churned,
        segment_ids
    from clients

)

select * from final
