{%- set traits = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | list %}

with

cells as (

    select * from {{ ref('int_client_cells') }}

),

final as (

    {%- for row in traits %}
    select
        '{{ row.trait }}' as trait,
        cast({{ row.trait }} as string) as level,
        {{ product_count() }} as product_count,
        cast(sum(clients) as bigint) as clients,
        cast(coalesce(sum(clients) filter (where is_churned), 0) as bigint) as churned_clients
    from cells
    where {{ row.trait }} is not null
    group by all
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

)

select * from final
