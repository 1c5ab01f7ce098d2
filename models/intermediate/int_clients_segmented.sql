{#- A view, as the bands under it; the published file, which staging does not reach, holds its rows. #}
{{- config(materialized='view', meta={'published_as': 'table'}) }}

{%- set segments = registry('segments') %}
{%- set rules = registry('segment_rules') %}

with

clients as (

    select * from {{ ref('int_clients_banded') }}

),

final as (

    select
        *,
        concat_ws(
            ','
            {%- for row in segments %},
            case when {{ predicate(rules_of(rules, 'segment_id', row.segment_id)) }} then '{{ row.segment_id }}' end
            {%- endfor %}
        ) as segment_ids
    from clients

)

select * from final
