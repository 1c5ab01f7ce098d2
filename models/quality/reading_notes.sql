{{- config(materialized='table') }}
-- depends_on: {{ ref('stg_bank__clients') }}

{#- Named here for dbt, which does not look into a loop over a register while it parses. -#}
{%- do seed_rows('allowed_values') %}

with

reading_notes as (

    select * from {{ ref('stg_bank__reading_notes') }}

),

number_notations as (

    select * from {{ ref('stg_bank__number_notations') }}

),

noted as (

    select
        reading,
        subject,
        file_rows
    from reading_notes
    {%- for reading, cells in [
        ('decimal_comma', 'comma_cells'), ('grouped', 'grouped_cells'), ('currency', 'currency_cells'),
        ('no_value', 'no_value_cells')
    ] %}
    union all
    select
        '{{ reading }}' as reading,
        raw_column as subject,
        {{ cells }} as file_rows
    from number_notations
    {%- endfor %}
    union all
    select
        case decimal_mark
            when ',' then 'two_ways_by_comma'
            when '.' then 'two_ways_by_point'
            else 'two_ways_grouped'
        end as reading,
        raw_column as subject,
        two_way_cells as file_rows
    from number_notations
    {%- for column in client_columns() if is_open(column.column_name) %}
    union all
    select
        'unlisted_value' as reading,
        '{{ column.raw_column }} = ' || {{ column.column_name }} as subject,
        count(*) as file_rows
    from {{ ref('stg_bank__clients') }}
    where
        {{ column.column_name }} not in (
            select value from {{ ref('allowed_values') }} where column_name = '{{ column.column_name }}'
        )
    group by {{ column.column_name }}
    {%- endfor %}

),

final as (

    select
        reading,
        subject,
        file_rows
    from noted
    where file_rows > 0

)

select * from final
