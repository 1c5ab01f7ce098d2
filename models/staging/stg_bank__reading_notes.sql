{#- Named here for dbt, which does not look into a loop over a register while it parses. -#}
{%- do seed_rows('cell_notations') %}
{%- set flags = client_columns() | selectattr('kind', 'equalto', 'flag') | list %}

with

source as (

    select * from {{ source('bank', 'reading_notes') }}

),

clients as (

    select *
    from {{ source('bank', 'clients') }}
    where other_row is null

),

final as (

    select
        reading,
        subject,
        file_rows
    from source
    {%- for domain in flags %}
    union all
    -- Not as programs write them.
    select
        'flag_words' as reading,
        '{{ domain.raw_column }}' as subject,
        count(*) as file_rows
    from clients
    where
        {{ domain.raw_column }} not in ('0', '1', 'true', 'false')
        and {{ matches(clean_text(domain.raw_column), '\\p{L}') }}
    having count(*) > 0
    {%- endfor %}

)

select * from final
