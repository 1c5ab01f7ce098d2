{%- set traits = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | list %}

with

cells as (

    select * from {{ ref('int_client_cells') }}

),

final as (

    -- No row: the columns where the register has no such trait.
    select
        cast(null as string) as trait,
        cast(null as string) as level,
        cast(null as bigint) as product_count,
        cast(null as bigint) as clients,
        cast(null as bigint) as churned_clients
    where false
    {%- for row in traits %}
    union all
    select
        '{{ row.trait }}' as trait,
        cast({{ row.trait }} as string) as level,
        {{ product_count() }} as product_count,
        cast(sum(clients) as bigint) as clients,
        cast(coalesce(sum(clients) filter (where is_churned), 0) as bigint) as churned_clients
    from cells
    where {{ row.trait }} is not null
    group by all
    {%- endfor %}

)

select * from final
