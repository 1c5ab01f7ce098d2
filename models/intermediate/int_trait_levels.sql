{#- Named here for dbt, which does not look into a loop over a register while it parses. -#}
{%- do seed_rows('columns') %}
{%- set traits = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | list %}

with

cells as (

    select * from {{ ref('int_client_cells') }}

),

final as (

    {{ no_rows({
        'trait': 'string', 'level': 'string', 'product_count': 'bigint', 'clients': 'bigint', 'churned_clients': 'bigint'
    }) | indent(4) }}
    {%- for row in traits %}
    union all
    select
        '{{ row.trait }}' as trait,
        cast({{ row.trait }} as string) as level,
        {{ product_count() }} as product_count,
        cast(sum(clients) as bigint) as clients,
        {{ sum_where('clients', 'is_churned') }} as churned_clients
    from cells
    where {{ row.trait }} is not null
    group by all
    {%- endfor %}

)

select * from final
