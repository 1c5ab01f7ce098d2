with

segments as (

    select * from {{ ref('segments') }}

),

segment_rules as (

    select * from {{ ref('segment_rules') }}

),

undefined_reasons as (

    select * from {{ ref('undefined_reasons') }}

),

readable as (

    select
        segment_id,
        {{ readable_rule() }} as rule
    from segment_rules
    group by segment_id

),

final as (

    select
        segments.segment_id,
        segments.name_ru,
        segments.name_en,
        readable.rule,
        segments.description_ru,
        segments.description_en,
        undefined_reasons.reason_ru,
        undefined_reasons.reason_en
    from segments
    inner join readable on segments.segment_id = readable.segment_id
    left join undefined_reasons
        on
            undefined_reasons.reason_code = 'absent_column'
            and {{ is_one_of('segments.segment_id', inapplicable_segments()) }}

)

select * from final
