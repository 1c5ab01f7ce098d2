{#- Every portrait adds up from these cells, so that the clients are scanned once. -#}
{%- set categories = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | map(attribute='trait') | list %}
{#- Whoever meets the rules of a segment but those on churn is a lookalike; those on churn tell who is in it. #}
{%- set rules = seed_rows('segment_rules') %}
{%- set alike = segment_conditions(rules | rejectattr('column_name', 'equalto', 'is_churned') | list) %}
{%- set by_churn = segment_conditions(rules | selectattr('column_name', 'equalto', 'is_churned') | list) %}
{%- set flags, conditions = {}, {} %}
{%- for segment_id, condition in by_churn.items() %}
{%- do flags.update({segment_id: 'is_like_' ~ segment_id}) %}
{%- do conditions.update({segment_id: 'is_like_' ~ segment_id ~ ' and ' ~ condition}) %}
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
        {%- for segment_id, condition in alike.items() %}
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
        {{ segment_ids(conditions) | indent(4) }} as segment_ids,
        {{ segment_ids(flags) | indent(4) }} as lookalike_segment_ids,
        is_churned,
        {%- for number in number_traits() %}
        {{ number.total }},
        {%- endfor %}
        clients
    from counted

)

select * from final
