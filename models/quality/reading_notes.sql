{{- config(materialized='table') }}

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
