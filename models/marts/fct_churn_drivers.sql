with

levels as (

    select
        trait,
        cast(count(*) as int) as level_count
    from {{ ref('int_driver_effects') }}
    group by trait

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

joined as (

    select
        tests.*,
        levels.level_count,
        tests.p_value < settings.false_discovery_rate as is_distinguishable,
        traits.sort_order
    from tests
    inner join levels on tests.trait = levels.trait
    inner join traits on tests.trait = traits.trait
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
