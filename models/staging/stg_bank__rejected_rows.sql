with

source as (

    select * from {{ source('bank', 'clients') }}

),

client_rows as (

    select * from {{ ref('stg_bank__client_rows') }}

),

final as (

    select
        {%- for column in client_columns() if column.column_name != 'client_id' %}
        source.{{ column.raw_column }},
        {%- endfor %}
        source.source_row_number,
        client_rows.reasons
    from source
    inner join client_rows on source.source_row_number = client_rows.source_row_number
    where client_rows.reasons is not null

)

select * from final
