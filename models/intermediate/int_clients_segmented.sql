{#- A view: to work bands and segments out in each scan costs less than to store them for every client. #}
{{- config(materialized='view') }}

{%- set bands = seed_rows('bands') %}
{%- set domains = seed_rows('column_domains') %}
{%- set segments = seed_rows('segments') %}
{%- set rules = seed_rows('segment_rules') %}

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
        {%- endfor %},
        concat_ws(
            ','
            {%- for row in segments %},
            case when {{ predicate(rules_of(rules, 'segment_id', row.segment_id)) }} then '{{ row.segment_id }}' end
            {%- endfor %}
        ) as segment_ids
    from clients

)

select * from final
