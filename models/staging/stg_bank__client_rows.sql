{{ config(materialized='table') }}

{%- set domains = seed_rows('column_domains') %}

with

source as {{ not_materialized() }} (

    select * from {{ source('bank', 'clients') }}

),

renamed as (

    select
        source_row_number,
        row_fault,
        {{ clean_number('userid') }} as client_id,
        {{ clean_number('score') }} as credit_score,
        {{ clean_text('city') }} as city,
        {{ clean_text('gender') }} as gender,
        {{ clean_number('age') }} as age,
        {{ clean_number('objects') }} as owned_objects,
        {{ clean_number('balance') }} as balance,
        {{ clean_number('products') }} as product_count,
        {{ clean_text('creditcard') }} as has_credit_card,
        {{ clean_text('loyalty') }} as is_loyal,
        {{ clean_number('estimated_salary') }} as estimated_salary,
        {{ clean_text('churn') }} as is_churned
    from source

),

typed as (

    select
        source_row_number,
        {{ to_integer('client_id') }} as client_id,
        {{ to_integer('credit_score') }} as credit_score,
        {{ to_allowed_value('city') }} as city,
        {{ to_allowed_value('gender') }} as gender,
        {{ to_integer('age') }} as age,
        {{ to_integer('owned_objects') }} as owned_objects,
        {{ to_money('balance') }} as balance,
        {{ to_integer('product_count') }} as product_count,
        {{ to_flag('has_credit_card') }} as has_credit_card,
        {{ to_flag('is_loyal') }} as is_loyal,
        {{ to_money('estimated_salary') }} as estimated_salary,
        {{ to_flag('is_churned') }} as is_churned,
        -- A row of the wrong length has no columns to judge.
        coalesce(row_fault, concat_ws(
            '; '
            {%- for reason in rejection_reasons(domains) %},
            {{ reason }}
            {%- endfor %}
        )) as row_reasons
    from renamed

),

identified as (

    select
        source_row_number,
        coalesce(cast({{ to_integer('client_id') }} as string), client_id, '') as id_text,
        concat_ws(
            chr(31)
            {%- for domain in domains %},
            coalesce({{ domain.column_name }}, '')
            {%- endfor %}
        ) as content
    from renamed
    where row_fault is null

),

-- Few ids repeat: the windows below see only those rows, whatever the size of the file.
repeated_ids as (

    select id_text
    from identified
    group by id_text
    having count(*) > 1

),

repeated_rows as (

    select
        identified.source_row_number,
        row_number() over (
            partition by identified.id_text, identified.content
            order by identified.source_row_number
        ) > 1 as is_exact_duplicate,
        identified.id_text <> ''
        and min(identified.content) over (partition by identified.id_text)
        <> max(identified.content) over (partition by identified.id_text) as has_conflicting_rows
    from identified
    inner join repeated_ids on identified.id_text = repeated_ids.id_text

),

final as (

    select
        typed.source_row_number,
        typed.client_id,
        typed.credit_score,
        typed.city,
        typed.gender,
        typed.age,
        typed.owned_objects,
        typed.balance,
        typed.product_count,
        typed.has_credit_card,
        typed.is_loyal,
        typed.estimated_salary,
        typed.is_churned,
        -- Computed once, where the id ends: two rounds of SHA-256 cost more than any later step.
        {{ client_key('typed.client_id') }} as client_key,
        nullif(concat_ws(
            '; ',
            nullif(typed.row_reasons, ''),
            case when repeated_rows.is_exact_duplicate then 'exact duplicate of an earlier row' end,
            case when repeated_rows.has_conflicting_rows then 'userid has differing rows' end
        ), '') as reasons
    from typed
    left join repeated_rows on typed.source_row_number = repeated_rows.source_row_number

)

select * from final
