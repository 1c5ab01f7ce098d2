{#- Every portrait adds up from these cells, so that the clients are scanned once. -#}
{%- set categories = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | list %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    select
        {%- for row in categories %}
        {{ row.trait }},
        {%- endfor %}
        segment_ids,
        is_churned,
        {%- for number in number_traits() %}
        coalesce({{ sum_of_units(number.trait, number.kind) }}, 0) as {{ number.total }},
        {%- endfor %}
        count(*) as clients
    from clients
    group by all

)

select * from final
