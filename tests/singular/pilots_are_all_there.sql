-- A pilot without the quantiles of its level and power would have no size, and nobody would know why.
with

proposals as (

    select * from {{ ref('proposals') }}

),

pilots as (

    select * from {{ ref('pilots') }}

),

quantiles as (

    select * from {{ ref('normal_quantiles') }}

)

select
    proposals.segment_id,
    proposals.proposal_id
from proposals
left join pilots on proposals.segment_id = pilots.segment_id and proposals.proposal_id = pilots.proposal_id
left join quantiles as significance on abs(significance.probability - (1 - pilots.significance_level / 2)) < 1e-9
left join quantiles as power on abs(power.probability - pilots.power) < 1e-9
where significance.quantile is null or power.quantile is null
