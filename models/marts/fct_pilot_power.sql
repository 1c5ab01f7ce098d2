with

designs as (

    select * from {{ ref('fct_pilot_designs') }}

),

quantiles as (

    select * from {{ ref('normal_quantiles') }}

),

sized as (

    select
        designs.segment_id,
        designs.proposal_id,
        power.probability as power,
        cast(
            ceil(
                {{ clients_per_arm(
                    'designs.control_churn_rate', 'designs.offer_churn_rate', 'significance.quantile', 'power.quantile'
                ) }}
            ) as bigint
        ) as clients_per_arm,
        designs.available_clients,
        designs.is_too_small
    from designs
    inner join quantiles as significance
        on abs(significance.probability - (1 - designs.significance_level / 2)) < 1e-9
    cross join quantiles as power

),

-- Without a share kept to prove, or with one of nothing, no number of clients is enough.
final as (

    select
        segment_id,
        proposal_id,
        power,
        clients_per_arm,
        2 * clients_per_arm <= available_clients as is_large_enough,
        is_too_small
    from sized
    where clients_per_arm is not null

)

select * from final
