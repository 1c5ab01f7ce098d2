with

effects as (

    select * from {{ ref('int_driver_effects') }}

),

tests as (

    select * from {{ ref('int_driver_tests') }}

),

traits as (

    select * from {{ ref('dim_traits') }}
    where kind = 'category'

),

settings as (

    select * from {{ ref('driver_settings') }}

),

counted as (

    select
        trait,
        cast(count(*) as int) as level_count
    from effects
    group by trait

),

joined as (

    select
        counted.trait,
        counted.level_count,
        tests.information_value,
        tests.information_value_low,
        tests.information_value_high,
        tests.cramers_v,
        tests.cramers_v_low,
        tests.cramers_v_high,
        tests.likelihood_ratio,
        tests.degrees_of_freedom,
        tests.p_value,
        tests.p_value < settings.false_discovery_rate as is_distinguishable,
        traits.sort_order
    from counted
    inner join tests on counted.trait = tests.trait
    inner join traits on counted.trait = traits.trait
    cross join settings

),

final as (

    select
        trait,
        level_count,
        information_value,
        information_value_low,
        information_value_high,
        cramers_v,
        cramers_v_low,
        cramers_v_high,
        likelihood_ratio,
        degrees_of_freedom,
        p_value,
        is_distinguishable,
        {{ rank_among('information_value is not null', order='information_value desc, sort_order') }} as rank
    from joined

)

select * from final
