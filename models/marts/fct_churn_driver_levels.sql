with

portrait as (

    select * from {{ ref('fct_churn_portrait') }}

),

effects as (

    select * from {{ ref('int_driver_effects') }}

),

drivers as (

    select * from {{ ref('fct_churn_drivers') }}

),

levels as (

    select * from {{ ref('dim_trait_levels') }}

),

undefined_reasons as (

    select * from {{ ref('undefined_reasons') }}

),

settings as (

    select * from {{ ref('driver_settings') }}

),

joined as (

    select
        portrait.*,
        sum(portrait.clients) over by_trait as all_clients,
        sum(portrait.churned_clients) over by_trait as all_churned_clients,
        -- Half a client more in each count: finite where all left or none; nothing where the whole bank did.
        (portrait.churned_clients + 0.5e0) / sum(portrait.churned_clients + 0.5e0) over by_trait as churned_weight,
        (portrait.clients - portrait.churned_clients + 0.5e0)
        / sum(portrait.clients - portrait.churned_clients + 0.5e0) over by_trait as active_weight,
        portrait.bank_churn_rate > 0 and portrait.bank_churn_rate < 1 as has_both_outcomes,
        portrait.churned_clients in (0, portrait.clients) as is_separated,
        effects.is_reference,
        effects.odds_ratio_adjusted,
        effects.odds_ratio_adjusted_low,
        effects.odds_ratio_adjusted_high,
        effects.standardised_churn_rate,
        effects.standardised_churn_rate_low,
        effects.standardised_churn_rate_high,
        effects.p_value,
        effects.p_value_adjusted,
        undefined_reasons.reason_ru,
        undefined_reasons.reason_en,
        case when portrait.bank_churn_rate < settings.rare_outcome_below then 1.0e0 else 0.5e0 end as rate_ratio_power,
        -- A level whose trait as a whole is not told apart from chance is no discovery.
        effects.p_value_adjusted < settings.false_discovery_rate and drivers.is_distinguishable as is_discovery,
        max(case when effects.is_reference then portrait.churned_clients end) over by_trait
            as reference_churned_clients,
        max(case when effects.is_reference then portrait.clients end) over by_trait as reference_clients,
        levels.trait_sort_order,
        levels.sort_order
    from portrait
    inner join effects on portrait.trait = effects.trait and portrait.level = effects.level
    inner join levels on portrait.trait = levels.trait and portrait.level = levels.level
    inner join drivers on portrait.trait = drivers.trait
    left join undefined_reasons on effects.reason_code = undefined_reasons.reason_code
    cross join settings
    window by_trait as (partition by portrait.trait)

),

measured as (

    select
        *,
        {{ rate('(all_churned_clients - churned_clients)', '(all_clients - clients)') }} as rate_of_rest,
        case when has_both_outcomes then ln(churned_weight / active_weight) end as weight_of_evidence,
        case
            when not is_separated
                then {{ odds_ratio('churned_clients', 'clients', 'reference_churned_clients', 'reference_clients') }}
        end as odds_ratio,
        -- The end of the interval that is nearer to no effect.
        case
            when odds_ratio_adjusted_low > 1 then odds_ratio_adjusted_low
            when odds_ratio_adjusted_high < 1 then odds_ratio_adjusted_high
            when odds_ratio_adjusted_low is not null then 1.0e0
        end as odds_ratio_adjusted_limit,
        case when has_both_outcomes then (churned_weight - active_weight) * weight_of_evidence end as information_value,
        case
            when is_discovery and odds_ratio_adjusted > 1 then 'above'
            when is_discovery then 'below'
            when p_value is not null then 'not_distinguishable'
        end as adjusted_position,
        case
            when not is_reference
                then {{ e_value('power(odds_ratio_adjusted, rate_ratio_power)') }}
        end as e_value,
        {{ e_value('power(odds_ratio_adjusted_limit, rate_ratio_power)') }} as e_value_limit
    from joined

),

final as (

    select
        trait,
        level,
        clients,
        churned_clients,
        churn_rate,
        churn_rate_low,
        churn_rate_high,
        rate_of_rest,
        weight_of_evidence,
        information_value,
        is_reference,
        is_separated,
        odds_ratio,
        odds_ratio_adjusted,
        odds_ratio_adjusted_low,
        odds_ratio_adjusted_high,
        adjusted_position,
        coalesce(adjusted_position in ('above', 'below') and (odds_ratio > 1) <> (odds_ratio_adjusted > 1), false)
            as is_reversed,
        standardised_churn_rate,
        standardised_churn_rate_low,
        standardised_churn_rate_high,
        p_value,
        p_value_adjusted,
        e_value,
        e_value_limit,
        {{ rank_among(
            "adjusted_position in ('above', 'below') and not is_too_small",
            order='e_value_limit desc, trait_sort_order, sort_order, level'
        ) }} as driver_rank,
        reason_ru,
        reason_en,
        is_too_small
    from measured

)

select * from final
