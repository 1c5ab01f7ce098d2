with

client_rows as (

    select * from {{ ref('stg_bank__client_rows') }}

),

final as (

    select
        {%- for column in client_columns() %}
        {{ column.column_name }},
        {%- endfor %}
        client_key
    from client_rows
    where reasons is null

)

select * from final
