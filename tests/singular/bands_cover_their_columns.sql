with

bands as (

    select * from {{ ref('bands') }}

),

domains as (

    select * from {{ ref('columns') }}

),

neighbours as (

    select
        column_name,
        lower_bound,
        upper_bound,
        lag(upper_bound) over by_column as previous_upper_bound,
        row_number() over by_column = 1 as is_first,
        lead(column_name) over by_column is null as is_last
    from bands
    window by_column as (partition by column_name order by lower_bound nulls first)

)

-- Each band starts where the one before it ends; the first and the last are open; all bounds cut the domain.
select neighbours.*
from neighbours
left join domains on neighbours.column_name = domains.column_name
where
    coalesce(domains.kind not in ('integer', 'money', 'number'), true)
    or (neighbours.lower_bound is null) <> neighbours.is_first
    or (neighbours.upper_bound is null) <> neighbours.is_last
    or (not neighbours.is_first and neighbours.lower_bound is distinct from neighbours.previous_upper_bound)
    or neighbours.lower_bound >= neighbours.upper_bound
    or neighbours.lower_bound not between domains.minimum and domains.maximum
    or neighbours.upper_bound not between domains.minimum and domains.maximum
