-- Type 7, as quantile() of R and numpy: at positions (n - 1) * p of the sorted values, counted from 0.
with

cases as (

    select *
    from (
        values
        ('one value', 7, 7, 7),
        ('between two', 1.25, 1.5, 1.75),
        ('four', 1.75, 2.5, 3.25),
        -- Sorted 1 1 2 3 4 5 6 9: positions 1.75, 3.5 and 5.25.
        ('ties', 1.75, 3.5, 5.25),
        ('NULL does not count', 1.25, 1.5, 1.75),
        ('nothing', null, null, null)
    ) as cases (case_name, p25, median, p75)

),

given_values as (

    select
        case_name,
        cast(given as decimal(18, 2)) as given_value
    from (
        values
        ('one value', 7),
        ('between two', 1),
        ('between two', 2),
        ('four', 4),
        ('four', 1),
        ('four', 3),
        ('four', 2),
        ('ties', 3),
        ('ties', 1),
        ('ties', 4),
        ('ties', 1),
        ('ties', 5),
        ('ties', 9),
        ('ties', 2),
        ('ties', 6),
        ('NULL does not count', 1),
        ('NULL does not count', null),
        ('NULL does not count', 2),
        ('NULL does not count', null),
        ('nothing', null)
    ) as given_values (case_name, given)

),

sorted as (

    select
        case_name,
        {{ quantiles('given_value', [0.25, 0.5, 0.75]) }} as quartiles
    from given_values
    group by case_name

),

cumulated as (

    select
        case_name,
        given_value,
        sum(count(*)) over (partition by case_name order by given_value) as clients_up_to,
        sum(count(*)) over (partition by case_name) as all_clients
    from given_values
    where given_value is not null
    group by case_name, given_value

),

actual as (

    select
        'sorted' as way,
        case_name,
        {{ list_item('quartiles', 1) }} as p25,
        {{ list_item('quartiles', 2) }} as median,
        {{ list_item('quartiles', 3) }} as p75
    from sorted
    union all
    select
        'counted' as way,
        case_name,
        {{ counted_quantile('given_value', 'clients_up_to', 'all_clients', 0.25) }} as p25,
        {{ counted_quantile('given_value', 'clients_up_to', 'all_clients', 0.5) }} as median,
        {{ counted_quantile('given_value', 'clients_up_to', 'all_clients', 0.75) }} as p75
    from cumulated
    group by case_name

)

select
    cases.*,
    actual.*
from cases
cross join (values ('sorted'), ('counted')) as ways (way)
left join actual on cases.case_name = actual.case_name and ways.way = actual.way
where
    actual.p25 is distinct from cast(cases.p25 as double)
    or actual.median is distinct from cast(cases.median as double)
    or actual.p75 is distinct from cast(cases.p75 as double)
