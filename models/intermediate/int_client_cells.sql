{#- Every portrait adds up from these cells, so that the clients are scanned once. -#}
{%- set categories = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | map(attribute='trait') | list %}
{%- set conditions = segment_conditions() %}
{%- set flags = {} %}
{%- for segment_id in conditions %}
{%- do flags.update({segment_id: 'is_in_' ~ segment_id}) %}
{%- endfor %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

-- By a flag for each segment: a text for every client takes longer than one for every cell.
counted as (

    select
        {%- for trait in categories %}
        {{ trait }},
        {%- endfor %}
        {%- for segment_id, condition in conditions.items() %}
        ({{ condition }}) is true as {{ flags[segment_id] }},
        {%- endfor %}
        is_churned,
        {%- for number in number_traits() %}
        coalesce({{ sum_of_units(number.trait, number.kind) }}, 0) as {{ number.total }},
        {%- endfor %}
        count(*) as clients
    from clients
    group by all

),

final as (

    select
        {%- for trait in categories %}
        {{ trait }},
        {%- endfor %}
        {{ segment_ids(flags) | indent(4) }} as segment_ids,
        is_churned,
        {%- for number in number_traits() %}
        {{ number.total }},
        {%- endfor %}
        clients
    from counted

)

select * from final
