{#- A table: to read every row of the file again for each look would take minutes of a large one. #}
{{- config(materialized='table') }}

with

client_rows as (

    select * from {{ ref('stg_bank__client_rows') }}

),

counted as (

    select
        count(*) as read_rows,
        count(*) filter (where reasons is null) as accepted_rows,
        count(*) filter (where reasons is not null) as rejected_rows,
        count(*) filter (where reasons is null and is_churned) as churned_clients
    from client_rows

),

final as (

    select
        read_rows,
        accepted_rows,
        rejected_rows,
        {{ rate('accepted_rows', 'read_rows') }} as accepted_share,
        {{ rate('rejected_rows', 'read_rows') }} as rejected_share,
        churned_clients,
        accepted_rows - churned_clients as active_clients,
        {{ rate('churned_clients', 'accepted_rows') }} as churn_rate
    from counted

)

select * from final
