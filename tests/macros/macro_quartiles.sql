-- Type 7, as quantile() of R and numpy: at positions (n - 1) * p of the sorted values, counted from 0.
with

cases as (

    select *
    from (
        values
        ('7', 7, 7, 7),
        ('1 2', 1.25, 1.5, 1.75),
        ('4 1 3 2', 1.75, 2.5, 3.25),
        -- Sorted 1 1 2 3 4 5 6 9: positions 1.75, 3.5 and 5.25.
        ('3 1 4 1 5 9 2 6', 1.75, 3.5, 5.25),
        -- NULL, written as nothing, does not count.
        ('1  2 ', 1.25, 1.5, 1.75),
        ('', null, null, null)
    ) as cases (given, p25, median, p75)

),

parts as (

    select
        given,
        {{ each_part('given', ' ') }} as part
    from cases

),

given_values as (

    select
        given,
        cast(nullif(part, '') as decimal(18, 2)) as given_value
    from parts

),

cumulated as (

    select
        given,
        given_value,
        sum(count(*)) over (partition by given order by given_value) as clients_up_to,
        sum(count(*)) over (partition by given) as all_clients
    from given_values
    where given_value is not null
    group by given, given_value

),

actual as (

    select
        given,
        {{ counted_quantile('given_value', 'clients_up_to', 'all_clients', 0.25) }} as p25,
        {{ counted_quantile('given_value', 'clients_up_to', 'all_clients', 0.5) }} as median,
        {{ counted_quantile('given_value', 'clients_up_to', 'all_clients', 0.75) }} as p75
    from cumulated
    group by given

)

select
    cases.*,
    actual.*
from cases
left join actual on cases.given = actual.given
where
    actual.p25 is distinct from cast(cases.p25 as double)
    or actual.median is distinct from cast(cases.median as double)
    or actual.p75 is distinct from cast(cases.p75 as double)
