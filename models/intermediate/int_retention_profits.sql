{%- set churned, alike = 'segment_counts.lookalike_churned_clients', 'segment_counts.lookalike_clients' %}

with

proposals as (

    select * from {{ ref('proposals') }}

),

segment_counts as (

    select * from {{ ref('int_segment_counts') }}

),

assumption_sets as (

    select * from {{ ref('int_assumption_sets') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

valued as (

    select
        proposals.segment_id,
        proposals.proposal_id,
        assumption_sets.*,
        segment_counts.active_clients as target_clients,
        case assumption_sets.expected_churn_rate_end
            when 'low' then {{ wilson_low(churned, alike) }}
            when 'high' then {{ wilson_high(churned, alike) }}
            else {{ rate(churned, alike) }}
        end as expected_churn_rate,
        -- Who has no account counts with a balance of nothing, and pays fees all the same.
        (
            {{ mean('segment_counts.active_clients', 'segment_counts.active_balance_kopecks', 100) }}
            * assumption_sets.margin_on_balance
            + {{ mean('segment_counts.active_clients', 'segment_counts.active_products', 1) }}
            * assumption_sets.fee_per_product
        ) * {{ annuity('assumption_sets.years_kept', 'assumption_sets.discount_rate') }} as value_of_kept_client,
        {{ is_too_small('segment_counts.active_clients', 'bank.minimum_clients') }}
        or {{ is_too_small(alike, 'bank.minimum_clients', churned) }} as is_too_small
    from proposals
    inner join segment_counts on proposals.segment_id = segment_counts.segment_id
    cross join assumption_sets
    cross join bank

),

priced as (

    select
        *,
        expected_churn_rate * save_rate as saved_share,
        -- What accepted offers and contacts cost for each target client, but for the offers that keep somebody.
        (1 - expected_churn_rate) * take_up_of_stayers * offer_cost + contact_cost as lost_cost
    from valued

),

final as (

    select
        segment_id,
        proposal_id,
        varied_assumption,
        assumption_end,
        target_clients,
        expected_churn_rate,
        save_rate,
        take_up_of_stayers,
        contact_cost,
        offer_cost,
        case varied_assumption when 'expected_churn_rate' then expected_churn_rate else varied_value end
            as assumed_value,
        value_of_kept_client,
        target_clients * (saved_share * (value_of_kept_client - offer_cost) - lost_cost) as profit,
        profit > 0 as is_profitable,
        case
            when value_of_kept_client > offer_cost and expected_churn_rate > 0
                then lost_cost / (expected_churn_rate * (value_of_kept_client - offer_cost))
        end as break_even_save_rate,
        case when saved_share > 0 then offer_cost + lost_cost / saved_share end as break_even_value,
        case
            when target_clients is null then 'absent_column'
            when value_of_kept_client is null or expected_churn_rate is null then 'no_clients_to_keep'
            when expected_churn_rate = 0 then 'nobody_leaves'
            when value_of_kept_client <= offer_cost then 'value_below_offer'
            when lost_cost > expected_churn_rate * (value_of_kept_client - offer_cost) then 'cannot_pay'
        end as reason_code,
        is_too_small
    from priced

)

select * from final
