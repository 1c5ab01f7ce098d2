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

    {%- if client_columns() | selectattr('role', 'equalto', 'id') | selectattr('kind', 'equalto', 'category') | list %}
    select min(length({{ replace_matches('client_id', '\\P{N}', '') }})) as digits from clients
    {%- else %}
    select length(cast(min(client_id) as string)) as digits from clients
    {%- endif %}

),

final as (

    select
        rejected_rows.source_row_number,
        {%- for column in client_columns() if column.column_name != 'client_id' %}
        {{ without_ids('rejected_rows.' ~ column.raw_column, 'shortest_id.digits') }} as {{ column.raw_column }},
        {%- endfor %}
        rejected_rows.reasons
    from rejected_rows
    cross join shortest_id

)

select * from final
