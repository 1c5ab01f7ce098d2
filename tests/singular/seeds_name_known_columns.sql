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

population_rules as (

    select * from {{ ref('population_rules') }}

),

-- Computed columns that rules and labels may name, besides those of the client file.
known_columns as (

    select column_name
    from domains
    union all
    select 'has_' || column_name as column_name
    from domains
    where kind in ('integer', 'money', 'number') and not is_required

),

named as (

    select
        'allowed_values' as seed,
        column_name
    from allowed_values
    union all
    select
        'value_synonyms' as seed,
        column_name
    from value_synonyms
    union all
    select
        'population_rules' as seed,
        column_name
    from population_rules

)

select named.*
from named
left join known_columns on named.column_name = known_columns.column_name
where known_columns.column_name is null
