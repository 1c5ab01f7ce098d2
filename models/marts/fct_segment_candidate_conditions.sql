with

candidates as (

    select * from {{ ref('int_segment_candidates') }}

),

conditions as (

    select
        candidate_id,
        {{ each_part('conditions', '\x1e') }} as condition
    from candidates

),

final as (

    select
        candidate_id,
        split_part(condition, chr(31), 1) as trait,
        split_part(condition, chr(31), 2) as level
    from conditions

)

select * from final
