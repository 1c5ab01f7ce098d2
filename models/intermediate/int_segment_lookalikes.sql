{%- set segments = applicable_segments() %}
{%- set rules = seed_rows('segment_rules') | rejectattr('column_name', 'equalto', 'is_churned') | list %}

with

clients as {{ not_materialized() }} (

    select * from {{ ref('int_clients_segmented') }}

),

-- A segment of active clients has no churn of its own; the clients who would be in it, had they stayed, do.
final as (

    -- No row: the columns where the register has no such segment.
    select
        cast(null as string) as segment_id,
        cast(null as bigint) as lookalike_clients,
        cast(null as bigint) as lookalike_churned_clients
    where false
    {%- for id in inapplicable_segments() %}
    union all
    select
        '{{ id }}' as segment_id,
        null as lookalike_clients,
        null as lookalike_churned_clients
    {%- endfor %}
    {%- for row in segments %}
    union all
    select
        '{{ row.segment_id }}' as segment_id,
        count(*) as lookalike_clients,
        count(*) filter (where is_churned) as lookalike_churned_clients
    from clients
    where {{ predicate(rules_of(rules, 'segment_id', row.segment_id)) }}
    {%- endfor %}

)

select * from final
