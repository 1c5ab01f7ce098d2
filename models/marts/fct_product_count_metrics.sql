with

portrait as (

    select * from {{ ref('fct_churn_portrait') }}
    where trait = 'product_count'

),

counted as (

    select
        *,
        cast(level as bigint) as product_count,
        clients - churned_clients as active_clients
    from portrait

),

ranked as (

    select
        *,
        {{ rank_among('not is_too_small', order='churn_rate desc', function='rank') }} as churn_rate_rank,
        {{ rank_among('not is_too_small and active_clients > 0', order='active_clients desc, product_count') }}
            as active_clients_rank
    from counted

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
