{#- A table: its rows grow with the clients, and splitting their segments takes seconds at 100 million. #}
{{- config(materialized='table') }}

with

membership as (

    select * from {{ ref('int_segment_membership') }}

),

final as (

    select
        client_key,
        segment_id
    from membership

)

select * from final
