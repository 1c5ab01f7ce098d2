{%- set segments = registry('segments') %}
{%- set rules = registry('segment_rules') %}

with

clients as (

    select * from {{ ref('int_clients_banded') }}

),

final as (

    {%- for row in segments %}
    select
        '{{ row.segment_id }}' as segment_id,
        count(*) as clients,
        count(*) filter (where is_churned) as churned_clients
    from clients
    where {{ predicate(rules_of(rules, 'segment_id', row.segment_id)) }}
    union all
    {%- endfor %}
    select
        'none' as segment_id,
        count(*) as clients,
        count(*) filter (where is_churned) as churned_clients
    from clients
    where
        true
        {%- for row in segments %}
        and ({{ predicate(rules_of(rules, 'segment_id', row.segment_id)) }}) is not true
        {%- endfor %}

)

select * from final
