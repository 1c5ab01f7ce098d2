{%- set domains = registry('column_domains') %}
{%- set traits = registry('traits') | selectattr('kind', 'equalto', 'number') | list %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    {%- for row in traits %}
    {%- set kind = (domains | selectattr('column_name', 'equalto', row.trait) | first).kind %}
    {%- set units = whole_units(row.trait, kind) %}
    select
        '{{ row.trait }}' as trait,
        is_churned,
        product_count,
        grouping(product_count) = 1 as is_every_product_count,
        {{ units_per_one(kind) }} as units_per_one,
        count({{ row.trait }}) as clients,
        sum({{ wide_integer(units) }}) as total_units,
        sum({{ wide_integer(units) }} * {{ units }}) as total_squared_units,
        {{ quartiles(row.trait) }} as quartiles,
        cast(min({{ row.trait }}) as double) as minimum,
        cast(max({{ row.trait }}) as double) as maximum
    from clients
    where {{ row.trait }} is not null
    group by is_churned, rollup(product_count)
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

)

select * from final
