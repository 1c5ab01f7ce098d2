with

segments as (

    select * from {{ ref('segments') }}

),

described as (

    select * from {{ ref('dim_segments') }}

),

rules as (

    select * from {{ ref('segment_rules') }}

)

-- Without a rule every client would be a member.
select segments.segment_id
from segments
left join described on segments.segment_id = described.segment_id
left join rules on segments.segment_id = rules.segment_id
where described.segment_id is null or rules.segment_id is null or segments.segment_id = 'none'
