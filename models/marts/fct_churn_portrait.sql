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
        cast(sum(churned_clients) as bigint) as churned_clients
    from trait_levels
    group by trait, level

),

-- Clients without a value of the trait are in none of its levels: shares are of those who are.
totalled as (

    select
        *,
        sum(clients) over (partition by trait) as all_clients,
        sum(churned_clients) over (partition by trait) as all_churned_clients
    from counted

),

rated as (

    select
        totalled.*,
        {{ rate('totalled.churned_clients', 'totalled.clients') }} as churn_rate,
        {{ wilson_low('totalled.churned_clients', 'totalled.clients') }} as churn_rate_low,
        {{ wilson_high('totalled.churned_clients', 'totalled.clients') }} as churn_rate_high,
        bank.bank_churn_rate,
        {{ rate('totalled.churned_clients', 'totalled.all_churned_clients') }} as share_of_churned,
        {{ rate(
            '(totalled.clients - totalled.churned_clients)',
            '(totalled.all_clients - totalled.all_churned_clients)'
        ) }} as share_of_active,
        {{ is_too_small_of_total(
            'totalled.clients',
            'bank.minimum_clients',
            tie_breaker='levels.sort_order, totalled.level',
            total='totalled.trait'
        ) }} as is_too_small,
        levels.trait_sort_order,
        levels.sort_order
    from totalled
    inner join levels on totalled.trait = levels.trait and totalled.level = levels.level
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
        cast(row_number() over (partition by trait order by clients desc, sort_order asc, level asc) as int)
            as clients_rank,
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
