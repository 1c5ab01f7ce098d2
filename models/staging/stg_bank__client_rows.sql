{{ config(materialized='table') }}

{#- Named here for dbt, which does not look into a loop over a register while it parses. -#}
{%- do seed_rows('allowed_values') %}
{%- do seed_rows('cell_notations') %}
{%- do seed_rows('value_synonyms') %}
{%- set columns = client_columns() %}
{%- set raw_id = columns | selectattr('column_name', 'equalto', 'client_id') | map(attribute='raw_column') | first %}
{%- set beside_id = columns | selectattr('is_in_id') | rejectattr('column_name', 'equalto', 'client_id') | list %}
{%- set raw_ids = ([raw_id] + beside_id | map(attribute='raw_column') | list) | join(' and ') %}

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
        {%- for column in columns if column.is_number %}
        max(decimal_mark) filter (where column_name = '{{ column.column_name }}') as {{ column.column_name }},
        {%- endfor %}
        count(*) as number_columns
    from number_notations

),

cleaned as {{ not_materialized() }} (

    select
        {%- for column in columns %}
        {%- set cell = 'source.' ~ column.raw_column %}
        {{ number_text(cell, 'decimal_marks.' ~ column.column_name) if column.is_number else clean_text(cell) }}
            as {{ column.column_name }},
        {%- endfor %}
        source.source_row_number,
        source.row_fault
    from source
    cross join decimal_marks

),

read as {{ not_materialized() }} (

    select
        {%- for column in columns %}
        {%- set text = 'cleaned.' ~ column.column_name %}
        {{ read_number(text, 'decimal_marks.' ~ column.column_name) if column.is_number else text }}
            as {{ column.column_name }},
        {%- endfor %}
        cleaned.source_row_number,
        cleaned.row_fault
    from cleaned
    cross join decimal_marks

),

renamed as {{ not_materialized() }} (

    select
        {%- for column in columns %}
        {{ without_missing_values(column) }} as {{ column.column_name }},
        {%- endfor %}
        source_row_number,
        row_fault
    from read

),

typed as (

    select
        source_row_number,
        {%- for column in columns %}
        {{ typed_value(column) }} as {{ column.column_name }},
        {%- endfor %}
        -- A row of the wrong length has no columns to judge.
        coalesce(row_fault, concat_ws(
            '; '
            {%- for reason in rejection_reasons(columns) %},
            {{ reason }}
            {%- endfor %}
        )) as row_reasons
    from renamed

),

identified as (

    select
        source_row_number,
        concat_ws(
            chr(31),
            coalesce(cast({{ to_integer('client_id') }} as string), client_id, '')
            {%- for column in beside_id %},
            coalesce(cast({{ typed_value(column) }} as string), {{ column.column_name }}, '')
            {%- endfor %}
        ) as id_text,
        concat_ws(
            chr(31)
            {%- for column in columns %},
            coalesce({{ column.column_name }}, '')
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
        {%- for column in columns %}
        typed.{{ column.column_name }},
        {%- endfor %}
        -- Computed once, where the id ends: two rounds of SHA-256 cost more than any later step.
        {%- if beside_id %}
        md5(concat_ws(
            chr(31), {{ client_key('typed.client_id') }}, typed.{{ beside_id | map(attribute='column_name') | join(', typed.') }}
        )) as client_key,
        {%- else %}
        {{ client_key('typed.client_id') }} as client_key,
        {%- endif %}
        nullif(concat_ws(
            '; ',
            nullif(typed.row_reasons, ''),
            case when repeated_rows.is_exact_duplicate then 'exact duplicate of an earlier row' end,
            case when repeated_rows.has_conflicting_rows then '{{ raw_ids }} has differing rows' end
        ), '') as reasons
    from typed
    left join repeated_rows on typed.source_row_number = repeated_rows.source_row_number

)

select * from final
