{#- A view: to work bands and segments out in each scan costs less than to store them for every client. #}
{{- config(materialized='view') }}

{%- set segments = applicable_segments() %}
{%- set rules = seed_rows('segment_rules') %}

with

clients as (

    select * from {{ ref('stg_bank__clients') }}

),

final as (

    select
        client_key,
        {%- for attribute in client_attributes() %}
        {{ attribute.sql }} as {{ attribute.name }},
        {%- endfor %}
        concat_ws(
            ',',
            cast(null as string)
            {%- for row in segments %},
            case when {{ predicate(rules_of(rules, 'segment_id', row.segment_id)) }} then '{{ row.segment_id }}' end
            {%- endfor %}
        ) as segment_ids
    from clients

)

select * from final
