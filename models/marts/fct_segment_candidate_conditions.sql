with

candidates as (

    select * from {{ ref('int_segment_candidates') }}

),

levels as (

    select * from {{ ref('dim_trait_levels') }}

),

conditions as (

    select
        candidate_id,
        {{ each_part('conditions', '\x1e') }} as condition
    from candidates

),

split as (

    select
        candidate_id,
        split_part(condition, chr(31), 1) as trait,
        split_part(condition, chr(31), 2) as level
    from conditions

),

final as (

    select
        split.candidate_id,
        split.trait,
        split.level,
        levels.rule
    from split
    inner join levels on split.trait = levels.trait and split.level = levels.level

)

select * from final
