with

populations as (

    select * from {{ ref('populations') }}

),

population_rules as (

    select * from {{ ref('population_rules') }}

),

readable as (

    select
        population,
        {{ readable_rule() }} as rule
    from population_rules
    group by population

),

final as (

    select
        populations.population,
        populations.name_ru,
        populations.name_en,
        case populations.rules_mean
            when 'drop' then 'not (' || readable.rule || ')'
            else coalesce(readable.rule, 'true')
        end as rule,
        populations.sort_order
    from populations
    left join readable on populations.population = readable.population

)

select * from final
