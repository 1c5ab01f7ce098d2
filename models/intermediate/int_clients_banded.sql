{#- A view: to work a band out in each scan costs less than to store it for every client. #}
{{- config(materialized='view') }}

{%- set bands = registry('bands') %}
{%- set domains = registry('column_domains') %}

with

clients as (

    select * from {{ ref('stg_bank__clients') }}

),

final as (

    select
        client_key,
        city,
        gender,
        age,
        credit_score,
        owned_objects,
        balance,
        balance is not null as has_balance,
        product_count,
        has_credit_card,
        is_loyal,
        estimated_salary,
        is_churned
        {%- for domain in domains if bands | selectattr('column_name', 'equalto', domain.column_name) | list %}
        {%- set column_bands = rules_of(bands, 'column_name', domain.column_name) %},
        {{ band(domain.column_name, column_bands, domain.kind) }} as {{ domain.column_name }}_band
        {%- endfor %}
    from clients

)

select * from final
