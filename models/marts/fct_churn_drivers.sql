with

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

final as (

    select
        tests.trait,
        tests.information_value,
        tests.information_value_low,
        tests.information_value_high,
        tests.cramers_v,
        tests.cramers_v_low,
        tests.cramers_v_high,
        tests.likelihood_ratio,
        tests.degrees_of_freedom,
        tests.p_value,
        tests.p_value_adjusted,
        tests.p_value_adjusted < settings.false_discovery_rate as is_distinguishable,
        tests.compared_clients,
        {{ rank_among(
            'tests.information_value is not null', order='tests.information_value desc, traits.sort_order'
        ) }} as rank
    from tests
    inner join traits on tests.trait = traits.trait
    cross join settings

)

select * from final
