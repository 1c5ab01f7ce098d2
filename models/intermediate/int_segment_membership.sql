{{ config(materialized='view') }}

{%- set segments = registry('segments') %}
{%- set rules = registry('segment_rules') %}

with

clients as (

    select * from {{ ref('int_clients_banded') }}

),

final as (

    {%- for row in segments %}
    select
        client_key,
        '{{ row.segment_id }}' as segment_id
    from clients
    where {{ predicate(rules_of(rules, 'segment_id', row.segment_id)) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

)

select * from final
