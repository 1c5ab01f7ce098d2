with

trait_levels as (

    select * from {{ ref('int_trait_levels') }}

),

levels as (

    select * from {{ ref('dim_trait_levels') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

counted as (

    select
        trait,
        level,
        cast(sum(clients) as bigint) as clients,
        cast(sum(churned_clients) as bigint) as churned_clients,
        -- Clients without a value of the trait are in none of its levels: shares are of those who are.
        sum(sum(clients)) over (partition by trait) as all_clients,
        sum(sum(churned_clients)) over (partition by trait) as all_churned_clients
    from trait_levels
    group by trait, level

),

rated as (

    select
        counted.*,
        {{ rate('counted.churned_clients', 'counted.clients') }} as churn_rate,
        {{ wilson_low('counted.churned_clients', 'counted.clients') }} as churn_rate_low,
        {{ wilson_high('counted.churned_clients', 'counted.clients') }} as churn_rate_high,
        bank.bank_churn_rate,
        {{ rate('counted.churned_clients', 'counted.all_churned_clients') }} as share_of_churned,
        {{ rate(
            '(counted.clients - counted.churned_clients)', '(counted.all_clients - counted.all_churned_clients)'
        ) }} as share_of_active,
        {{ is_too_small_of_total(
            'counted.clients', 'bank.minimum_clients', tie_breaker='levels.sort_order, counted.level',
            churned_clients='counted.churned_clients', total='counted.trait'
        ) }} as is_too_small,
        levels.trait_sort_order,
        levels.sort_order
    from counted
    inner join levels on counted.trait = levels.trait and counted.level = levels.level
    cross join bank

),

compared as (

    select
        *,
        {{ position_against('churn_rate_low', 'churn_rate_high', 'bank_churn_rate') }} as churn_rate_position,
        share_of_churned - share_of_active as share_difference
    from rated

),

ranked as (

    select
        *,
        {{ rank_among('true', order='clients desc, sort_order, level', per='trait') }} as clients_rank,
        {{ rank_among(
            "churn_rate_position = 'above' and not is_too_small",
            order='churn_rate_low desc, trait_sort_order, sort_order, level'
        ) }} as standout_rank,
        {{ lift('churn_rate', 'bank_churn_rate') }} as lift,
        -- Rounded: the two levels of a flag differ equally but for the last bit.
        {{ rank_among(
            "churn_rate_position = 'above' and not is_too_small",
            order='round(share_difference, 12) desc, trait_sort_order, sort_order, level'
        ) }} as share_difference_rank
    from compared

),

final as (

    select
        trait,
        level,
        clients,
        clients_rank,
        churned_clients,
        churn_rate,
        churn_rate_low,
        churn_rate_high,
        bank_churn_rate,
        churn_rate_position,
        standout_rank,
        {{ is_clear_of_next('standout_rank', 'churn_rate_low', 'churn_rate_high') }} as is_clear_of_next,
        lift,
        share_of_churned,
        share_of_active,
        share_difference,
        share_difference_rank,
        is_too_small
    from ranked

)

select * from final
