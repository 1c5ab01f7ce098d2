{%- set rules = registry('segment_rules') %}
{%- set bands = registry('bands') %}

with

segment_rules as (

    select * from {{ ref('segment_rules') }}

),

bands as (

    select * from {{ ref('bands') }}

)

select *
from (
    values
    ('every row', {{ rules | length }}, (select count(*) from segment_rules)),
    ('in the order of the first column', {{ rules | map(attribute='segment_id') | list == rules | map(attribute='segment_id') | sort }}, 1),
    -- dbt would have guessed a number from the text '1'.
    ('text stays text', {{ rules | map(attribute='value') | select('string') | list | length }}, (select count(*) from segment_rules)),
    ('numbers are numbers', {{ bands | map(attribute='upper_bound') | select('integer') | list | length }}, (select count(upper_bound) from bands)),
    ('NULL is none', {{ bands | map(attribute='upper_bound') | select('none') | list | length }}, (select count(*) - count(upper_bound) from bands))
) as cases (case_name, actual, expected)
where cast(actual as integer) is distinct from expected
