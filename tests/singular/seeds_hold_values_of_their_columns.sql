with

domains as (

    select * from {{ ref('columns') }}

),

allowed_values as (

    select * from {{ ref('allowed_values') }}

),

value_synonyms as (

    select * from {{ ref('value_synonyms') }}

),

segment_rules as (

    select * from {{ ref('segment_rules') }}

),

population_rules as (

    select * from {{ ref('population_rules') }}

),

hypotheses as (

    select * from {{ ref('hypotheses') }}

),

named as (

    select
        'value_synonyms' as seed,
        column_name,
        value
    from value_synonyms
    union all
    select
        'segment_rules' as seed,
        column_name,
        value
    from segment_rules
    union all
    select
        'population_rules' as seed,
        column_name,
        value
    from population_rules
    union all
    select
        'hypotheses' as seed,
        metric_column as column_name,
        success_value as value
    from hypotheses
    where kind = 'proportion'
    union all
    select
        'hypotheses' as seed,
        group_column as column_name,
        first_group as value
    from hypotheses
    union all
    select
        'hypotheses' as seed,
        group_column as column_name,
        second_group as value
    from hypotheses

),

checked as (

    select
        named.*,
        case
            when domains.kind in ('integer', 'money', 'number')
                then try_cast(named.value as decimal(18, 2)) between domains.minimum and domains.maximum
            else allowed_values.value is not null
        end as is_possible
    from named
    -- What names a column that the bank's table lacks is not applicable.
    inner join domains as present
        on named.column_name in (present.column_name, 'has_' || present.column_name)
    left join domains on named.column_name = domains.column_name
    left join allowed_values
        on named.column_name = allowed_values.column_name and named.value = allowed_values.value

)

-- A rule on a value that no client can have would be an empty segment, silently.
select
    seed,
    column_name,
    value
from checked
where not coalesce(is_possible, false)
union all
-- A synonym is compared in lower case, so one with a capital would never be found.
select
    'value_synonyms' as seed,
    column_name,
    raw_value as value
from value_synonyms
where raw_value <> lower(raw_value)
