with

number_summaries as (

    select * from {{ ref('int_number_summaries') }}

),

traits as (

    select * from {{ ref('dim_traits') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

described as (

    select
        number_summaries.*,
        case when number_summaries.is_churned then 'churned' else 'active' end as population,
        {{ is_too_small('number_summaries.clients', 'bank.minimum_clients') }} as is_too_small,
        traits.sort_order
    from number_summaries
    inner join traits on number_summaries.trait = traits.trait and traits.kind = 'number'
    cross join bank
    where number_summaries.product_count is null

),

separated as (

    select
        *,
        {{ median_separation() }} as separation
    from described
    window by_trait as (partition by trait)

),

final as (

    select
        trait,
        population,
        clients,
        mean,
        standard_deviation,
        p25,
        median,
        p75,
        minimum,
        maximum,
        is_too_small,
        {{ rank_among('separation > 0', order='separation desc, sort_order', function='dense_rank') }}
            as separation_rank
    from separated

)

select * from final
