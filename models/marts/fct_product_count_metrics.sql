with

trait_levels as (

    select * from {{ ref('int_trait_levels') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

rated as (

    select
        trait_levels.product_count,
        trait_levels.clients,
        trait_levels.clients - trait_levels.churned_clients as active_clients,
        trait_levels.churned_clients,
        {{ rate('trait_levels.churned_clients', 'trait_levels.clients') }} as churn_rate,
        {{ wilson_low('trait_levels.churned_clients', 'trait_levels.clients') }} as churn_rate_low,
        {{ wilson_high('trait_levels.churned_clients', 'trait_levels.clients') }} as churn_rate_high,
        bank.bank_churn_rate,
        {{ is_too_small_of_total(
            'trait_levels.clients', 'bank.minimum_clients', tie_breaker='trait_levels.product_count',
            churned_clients='trait_levels.churned_clients'
        ) }} as is_too_small
    from trait_levels
    cross join bank
    where trait_levels.trait = 'product_count'

),

ranked as (

    select
        *,
        {{ position_against('churn_rate_low', 'churn_rate_high', 'bank_churn_rate') }} as churn_rate_position,
        {{ rank_among('not is_too_small', order='churn_rate desc', function='rank') }} as churn_rate_rank,
        {{ rank_among('not is_too_small and active_clients > 0', order='active_clients desc, product_count') }}
            as active_clients_rank
    from rated

),

final as (

    select
        product_count,
        clients,
        active_clients,
        churned_clients,
        churn_rate,
        churn_rate_low,
        churn_rate_high,
        bank_churn_rate,
        churn_rate_position,
        churn_rate_rank,
        {{ is_clear_of_next('churn_rate_rank', 'churn_rate_low', 'churn_rate_high') }} as is_clear_of_next,
        active_clients_rank,
        is_too_small
    from ranked

)

select * from final
