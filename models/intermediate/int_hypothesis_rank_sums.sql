with

levels as (

    select * from {{ ref('int_hypothesis_levels') }}

),

-- Twice the mid-rank within the other group is a whole number, ties included.
placements as (

    select
        hypothesis_id,
        population,
        trimming,
        city,
        {{ wide_integer('first_clients') }} as first_clients,
        {{ wide_integer('second_clients') }} as second_clients,
        {{ wide_integer('first_clients + second_clients') }} as tied_clients,
        {{ wide_integer('2 * second_clients_below + second_clients') }} as first_placement,
        {{ wide_integer('2 * first_clients_below + first_clients') }} as second_placement
    from levels

),

final as (

    select
        hypothesis_id,
        population,
        trimming,
        city,
        sum(first_clients) as first_clients,
        sum(second_clients) as second_clients,
        sum(first_clients * first_placement) as first_placements,
        sum(first_clients * first_placement * first_placement) as first_squared_placements,
        sum(second_clients * second_placement * second_placement) as second_squared_placements,
        sum(tied_clients * tied_clients * tied_clients - tied_clients) as tie_sum
    from placements
    group by hypothesis_id, population, trimming, city

)

select * from final
