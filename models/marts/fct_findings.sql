{%- set proven_first = 'designs.is_large_enough desc nulls last, economics.profit_low desc, proposals.proposal_id' %}

with

actions as (

    select * from {{ ref('finding_actions') }}

),

proposals as (

    select * from {{ ref('fct_retention_proposals') }}
    where proposal_rank is not null

),

-- What pays even if the fewest leave whom the clients alike allow to expect.
economics as (

    select * from {{ ref('fct_retention_sensitivity') }}
    where assumption = 'expected_churn_rate' and profit_low > 0

),

all_low as (

    select * from {{ ref('fct_retention_economics') }}
    where scenario = 'low'

),

designs as (

    select * from {{ ref('fct_pilot_designs') }}

),

segments as (

    select * from {{ ref('dim_segments') }}

),

candidates as (

    select * from {{ ref('fct_segment_candidates') }}
    where finding_rank is not null

),

contained as (

    select * from {{ ref('fct_segment_candidate_overlaps') }}
    where other_clients = 0

),

drivers as (

    select * from {{ ref('fct_churn_driver_levels') }}
    where driver_rank is not null and adjusted_position = 'above'

),

traits as (

    select * from {{ ref('dim_traits') }}
    where kind = 'category'

),

levels as (

    select * from {{ ref('dim_trait_levels') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

-- Of each kind in its own order: the offer that a pilot can prove, then the one that earns most; the group with most
-- weight in the churn; the surest driver.
collected as (

    select
        'proposal' as finding_kind,
        'proposal:' || proposals.segment_id || ':' || proposals.proposal_id as finding_id,
        case when designs.is_large_enough is false then 'unproven_proposal' else 'proposal' end as finding_case,
        {{ rank_among('true', order=proven_first) }} as place_in_kind,
        segments.name_ru as subject_ru,
        segments.name_en as subject_en,
        proposals.target_clients as clients,
        proposals.expected_churned_clients as leavers,
        proposals.lookalike_churn_rate as leaving_rate,
        all_low.is_profitable as is_profitable_if_all_low,
        proposals.offer_ru,
        proposals.offer_en,
        'make activation SEGMENT=' || proposals.segment_id || ' PILOT=1' as command
    from proposals
    inner join economics
        on proposals.segment_id = economics.segment_id and proposals.proposal_id = economics.proposal_id
    inner join all_low
        on proposals.segment_id = all_low.segment_id and proposals.proposal_id = all_low.proposal_id
    inner join segments on proposals.segment_id = segments.segment_id
    left join designs
        on proposals.segment_id = designs.segment_id and proposals.proposal_id = designs.proposal_id
    union all
    select
        'candidate' as finding_kind,
        'candidate:' || candidates.candidate_id as finding_id,
        'candidate' as finding_case,
        {{ rank_among('true', order='candidates.finding_rank') }} as place_in_kind,
        candidates.name_ru as subject_ru,
        candidates.name_en as subject_en,
        candidates.clients,
        cast(candidates.churned_clients as double) as leavers,
        candidates.churn_rate as leaving_rate,
        cast(null as boolean) as is_profitable_if_all_low,
        cast(null as string) as offer_ru,
        cast(null as string) as offer_en,
        'make adopt CANDIDATE=' || candidates.candidate_id as command
    from candidates
    -- All of whose clients are in one of the bank's segments is no news.
    left join contained on candidates.candidate_id = contained.candidate_id
    where contained.candidate_id is null
    union all
    select
        'driver' as finding_kind,
        'driver:' || drivers.trait || '=' || drivers.level as finding_id,
        'driver' as finding_case,
        {{ rank_among('true', order='drivers.driver_rank') }} as place_in_kind,
        traits.name_ru || ': ' || levels.label_ru as subject_ru,
        traits.name_en || ': ' || levels.label_en as subject_en,
        drivers.clients,
        cast(drivers.churned_clients as double) as leavers,
        drivers.churn_rate as leaving_rate,
        cast(null as boolean) as is_profitable_if_all_low,
        cast(null as string) as offer_ru,
        cast(null as string) as offer_en,
        cast(null as string) as command
    from drivers
    inner join levels on drivers.trait = levels.trait and drivers.level = levels.level
    inner join traits on drivers.trait = traits.trait

),

-- The first of each kind; where a kind has none, the others have more.
ranked as (

    select
        collected.*,
        bank.bank_churn_rate,
        concat_ws(' ', collected.offer_ru, actions.action_ru) as action_ru,
        concat_ws(' ', collected.offer_en, actions.action_en) as action_en,
        {{ rank_among('true', order='collected.place_in_kind, actions.sort_order') }} as finding_place
    from collected
    inner join actions on collected.finding_case = actions.finding_case
    cross join bank

),

final as (

    select
        finding_id,
        finding_place,
        finding_kind,
        subject_ru,
        subject_en,
        clients,
        leavers,
        leaving_rate,
        bank_churn_rate,
        is_profitable_if_all_low,
        action_ru,
        action_en,
        command
    from ranked
    where finding_place <= 3

)

select * from final
