{%- set drivers = seed_rows('traits') | selectattr('is_driver') | sort(attribute='trait') %}

with

cells as (

    select * from {{ ref('int_client_cells') }}

),

grouped as (

    select
        {%- for row in drivers %}
        cast({{ row.trait }} as string) as {{ row.trait }},
        {%- endfor %}
        segment_ids,
        cast(sum(clients) as bigint) as clients,
        {{ sum_where('clients', 'is_churned') }} as churned_clients
    from cells
    group by all

),

final as (

    select
        cast(row_number() over (
            order by
                {%- for row in drivers %}
                {{ row.trait }},
                {%- endfor %}
                segment_ids
        ) as int) as cell_id,
        *
    from grouped

)

select * from final
