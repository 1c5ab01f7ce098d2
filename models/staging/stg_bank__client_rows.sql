{{ config(materialized='table') }}

{%- set domains = seed_rows('column_domains') %}

with

source as {{ not_materialized() }} (

    select *
    from {{ source('bank', 'clients') }}
    where other_row is null

),

number_notations as (

    select * from {{ ref('stg_bank__number_notations') }}

),

decimal_marks as (

    select
        max(decimal_mark) filter (where column_name = 'client_id') as client_id,
        max(decimal_mark) filter (where column_name = 'credit_score') as credit_score,
        max(decimal_mark) filter (where column_name = 'age') as age,
        max(decimal_mark) filter (where column_name = 'owned_objects') as owned_objects,
        max(decimal_mark) filter (where column_name = 'balance') as balance,
        max(decimal_mark) filter (where column_name = 'product_count') as product_count,
        max(decimal_mark) filter (where column_name = 'estimated_salary') as estimated_salary
    from number_notations

),

cleaned as {{ not_materialized() }} (

    select
        source.source_row_number,
        source.row_fault,
        {{ number_text('source.userid', 'decimal_marks.client_id') }} as client_id,
        {{ number_text('source.score', 'decimal_marks.credit_score') }} as credit_score,
        {{ clean_text('source.city') }} as city,
        {{ clean_text('source.gender') }} as gender,
        {{ number_text('source.age', 'decimal_marks.age') }} as age,
        {{ number_text('source.objects', 'decimal_marks.owned_objects') }} as owned_objects,
        {{ number_text('source.balance', 'decimal_marks.balance') }} as balance,
        {{ number_text('source.products', 'decimal_marks.product_count') }} as product_count,
        {{ clean_text('source.creditcard') }} as has_credit_card,
        {{ clean_text('source.loyalty') }} as is_loyal,
        {{ number_text('source.estimated_salary', 'decimal_marks.estimated_salary') }} as estimated_salary,
        {{ clean_text('source.churn') }} as is_churned
    from source
    cross join decimal_marks

),

renamed as {{ not_materialized() }} (

    select
        cleaned.source_row_number,
        cleaned.row_fault,
        {{ read_number('cleaned.client_id', 'decimal_marks.client_id') }} as client_id,
        {{ read_number('cleaned.credit_score', 'decimal_marks.credit_score') }} as credit_score,
        cleaned.city,
        cleaned.gender,
        {{ read_number('cleaned.age', 'decimal_marks.age') }} as age,
        {{ read_number('cleaned.owned_objects', 'decimal_marks.owned_objects') }} as owned_objects,
        {{ read_number('cleaned.balance', 'decimal_marks.balance') }} as balance,
        {{ read_number('cleaned.product_count', 'decimal_marks.product_count') }} as product_count,
        cleaned.has_credit_card,
        cleaned.is_loyal,
        {{ read_number('cleaned.estimated_salary', 'decimal_marks.estimated_salary') }} as estimated_salary,
        cleaned.is_churned
    from cleaned
    cross join decimal_marks

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
