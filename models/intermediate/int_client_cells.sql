{#- Every portrait adds up from these cells, so that the clients are scanned once. -#}
{%- set domains = seed_rows('column_domains') %}
{%- set traits = seed_rows('traits') %}
{%- set categories = traits | selectattr('kind', 'equalto', 'category') | list %}
{%- set numbers = traits | selectattr('kind', 'equalto', 'number') | list %}

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
        count(*) as clients
        {%- for row in numbers %}
        {%- set kind = (domains | selectattr('column_name', 'equalto', row.trait) | first).kind %},
        coalesce({{ sum_of_units(row.trait, kind) }}, 0) as {{ row.trait }}_{{ unit_name(kind) }}
        {%- endfor %}
    from clients
    group by all

)

select * from final
