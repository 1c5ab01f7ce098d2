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

-- Not as programs write them.
flags_in_words as (

    {% for domain in flags -%}
    select
        'flag_words' as reading,
        '{{ domain.raw_column }}' as subject,
        count(*) as file_rows
    from clients
    where
        {{ domain.raw_column }} not in ('0', '1', 'true', 'false')
        and {{ matches(clean_text(domain.raw_column), '\\p{L}') }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

final as (

    select
        reading,
        subject,
        file_rows
    from source
    union all
    select
        reading,
        subject,
        file_rows
    from flags_in_words
    where file_rows > 0

)

select * from final
