{#- A table: to read every row of the file again for each look would take minutes of a large one. #}
{{- config(materialized='table') }}

with

rejected_rows as (

    select * from {{ ref('stg_bank__rejected_rows') }}

),

clients as (

    select * from {{ ref('stg_bank__clients') }}

),

shortest_id as (

    select length(cast(min(client_id) as string)) as digits from clients

),

final as (

    select
        rejected_rows.source_row_number,
        rejected_rows.reasons,
        {{ without_ids('rejected_rows.score', 'shortest_id.digits') }} as score,
        {{ without_ids('rejected_rows.City', 'shortest_id.digits') }} as City,
        {{ without_ids('rejected_rows.Gender', 'shortest_id.digits') }} as Gender,
        {{ without_ids('rejected_rows.Age', 'shortest_id.digits') }} as Age,
        {{ without_ids('rejected_rows.Objects', 'shortest_id.digits') }} as Objects,
        {{ without_ids('rejected_rows.Balance', 'shortest_id.digits') }} as Balance,
        {{ without_ids('rejected_rows.Products', 'shortest_id.digits') }} as Products,
        {{ without_ids('rejected_rows.CreditCard', 'shortest_id.digits') }} as CreditCard,
        {{ without_ids('rejected_rows.Loyalty', 'shortest_id.digits') }} as Loyalty,
        {{ without_ids('rejected_rows.estimated_salary', 'shortest_id.digits') }} as estimated_salary,
        {{ without_ids('rejected_rows.Churn', 'shortest_id.digits') }} as Churn
    from rejected_rows
    cross join shortest_id

)

select * from final
