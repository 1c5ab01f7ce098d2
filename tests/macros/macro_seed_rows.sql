{%- set rules = seed_rows('segment_rules') %}
{%- set bands = seed_rows('bands') %}

with

segment_rules as (

    select * from {{ ref('segment_rules') }}

),

bands as (

    select * from {{ ref('bands') }}

),

cases as (

    select
        'every row' as case_name,
        {{ rules | length }} as actual,
        count(*) as expected
    from segment_rules
    union all
    select
        'in the order of the first column' as case_name,
        {{ (rules | map(attribute='segment_id') | list == rules | map(attribute='segment_id') | sort) | int }} as actual,
        1 as expected
    union all
    -- dbt would have guessed a number from the text '1'.
    select
        'text stays text' as case_name,
        {{ rules | map(attribute='value') | select('string') | list | length }} as actual,
        count(*) as expected
    from segment_rules
    union all
    select
        'numbers are numbers' as case_name,
        {{ bands | map(attribute='upper_bound') | select('integer') | list | length }} as actual,
        count(upper_bound) as expected
    from bands
    union all
    select
        'NULL is none' as case_name,
        {{ bands | map(attribute='upper_bound') | select('none') | list | length }} as actual,
        count(*) - count(upper_bound) as expected
    from bands

)

select *
from cases
where actual is distinct from expected
    {%- if flags.EMPTY %}
    and false -- Then the tables are empty, and the rows come from the files.
    {%- endif %}
