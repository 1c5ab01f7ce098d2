with

trait_levels as (

    select * from {{ ref('int_trait_levels') }}

),

levels as (

    select * from {{ ref('dim_trait_levels') }}

),

product_counts as (

    select * from {{ ref('fct_product_count_metrics') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

active as (

    select
        product_count,
        trait,
        level,
        clients - churned_clients as clients
    from trait_levels
    where trait <> 'product_count' and clients > churned_clients

),

shared as (

    select
        active.*,
        {{ rate('active.clients', 'sum(active.clients) over portrait') }} as share,
        {{ wilson_low('active.clients', 'sum(active.clients) over portrait') }} as share_low,
        {{ wilson_high('active.clients', 'sum(active.clients) over portrait') }} as share_high,
        {{ is_too_small_of_total(
            'active.clients',
            'bank.minimum_clients',
            tie_breaker='levels.sort_order, active.level',
            total='active.product_count, active.trait'
        ) }} as is_too_small,
        levels.trait_sort_order,
        levels.sort_order,
        coalesce(product_counts.active_clients_rank <= 2, false) as is_compared
    from active
    inner join levels on active.trait = levels.trait and active.level = levels.level
    inner join product_counts on active.product_count = product_counts.product_count
    cross join bank
    window portrait as (partition by active.product_count, active.trait)

),

-- The two product counts with most active clients, at the levels that both show.
compared as (

    select
        trait,
        level,
        min_by(share, product_count) - max_by(share, product_count) as share_difference,
        -- The Wilson intervals of the two shares do not overlap.
        max(share_low) > min(share_high) as is_told_apart
    from shared
    where is_compared and not is_too_small
    group by trait, level
    having count(*) = 2

),

final as (

    select
        shared.product_count,
        shared.trait,
        shared.level,
        shared.clients,
        shared.share,
        shared.is_too_small,
        coalesce({{ rank_among(
            'not shared.is_too_small',
            order='shared.clients desc, shared.sort_order, shared.level',
            per='shared.product_count, shared.trait'
        ) }} = 1, false) as is_most_common,
        compared.share_difference,
        -- Rounded: the two levels of a flag differ equally but for the last bit.
        {{ rank_among(
            'coalesce(compared.is_told_apart, false)',
            order='round(abs(compared.share_difference), 12) desc, shared.trait_sort_order, shared.sort_order, shared.level',
            function='dense_rank'
        ) }} as share_difference_rank
    from shared
    left join compared on shared.trait = compared.trait and shared.level = compared.level and shared.is_compared

)

select * from final
