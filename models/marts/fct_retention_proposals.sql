with

retention_proposals as (

    select * from {{ ref('int_retention_proposals') }}

),

final as (

    select
        segment_id,
        proposal_id,
        title_ru,
        title_en,
        offer_ru,
        offer_en,
        why_ru,
        why_en,
        condition_ru,
        condition_en,
        target_clients,
        lookalike_clients,
        lookalike_churned_clients,
        {{ rate('lookalike_churned_clients', 'lookalike_clients') }} as lookalike_churn_rate,
        target_clients * {{ rate('lookalike_churned_clients', 'lookalike_clients') }} as expected_churned_clients
    from retention_proposals

)

select * from final
