{#- Named here for dbt, which does not look into a loop over a register while it parses. -#}
{%- do seed_rows('cell_notations') %}
{%- set domains = client_columns() %}

with

client_rows as (

    select * from {{ source('bank', 'clients') }}

),

final as (

    {%- for domain in domains %}
    select
        '{{ domain.raw_column }}' as raw_column,
        {{ domain.is_required | lower }} as is_required,
        count(*) as read_rows,
        count(*) filter (where {{ clean_text(domain.raw_column | lower) }} is null) as rows_without_value,
        {{ rate('count(*) filter (where ' ~ clean_text(domain.raw_column | lower) ~ ' is null)', 'count(*)') }}
            as share_without_value
    from client_rows
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

)

select * from final
order by rows_without_value desc, raw_column asc
