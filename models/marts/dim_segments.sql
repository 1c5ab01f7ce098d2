with

segments as (

    select * from {{ ref('segments') }}

),

segment_rules as (

    select * from {{ ref('segment_rules') }}

),

readable as (

    select
        segment_id,
        {{ join_rows(
            "column_name || ' ' || operator || ' ' || value", ' and ', order='column_name, operator, value'
        ) }} as rule
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
        segments.description_en
    from segments
    inner join readable on segments.segment_id = readable.segment_id

)

select * from final
