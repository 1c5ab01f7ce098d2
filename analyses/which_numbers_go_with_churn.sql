{%- set numbers = seed_rows('traits') | selectattr('kind', 'equalto', 'number') | list %}

with

clients as (

    select * from {{ ref('dim_clients') }}

),

final as (

    {%- for row in numbers %}
    select
        '{{ row.trait }}' as trait,
        count({{ row.trait }}) as clients,
        corr(cast({{ row.trait }} as double), cast(is_churned as int)) as point_biserial,
        avg({{ row.trait }}) filter (where is_churned) as mean_of_churned,
        avg({{ row.trait }}) filter (where not is_churned) as mean_of_active
    from clients
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

)

select * from final
order by abs(point_biserial) desc, trait asc
