-- No second row, and no figure that the regression or the search could not work with.
with

driver_settings as (

    select * from {{ ref('driver_settings') }}

),

segment_search as (

    select * from {{ ref('segment_search') }}

),

checked as (

    select
        'driver_settings' as seed,
        count(*) <= 1
        and count(*) = count(*) filter (
            where
            false_discovery_rate between 0 and 1
            and rare_outcome_below between 0 and 1
            and bootstrap_samples between 100 and 100000
            and random_seed >= 0
        ) as is_possible
    from driver_settings
    union all
    select
        'segment_search' as seed,
        count(*) <= 1
        and count(*) = count(*) filter (
            where
            target in ('churned', 'active')
            and smallest_depth between 1 and largest_depth
            and largest_depth <= 5
            and smallest_coverage between 0 and 1
            and family_wise_error between 0 and 1
            and largest_overlap between 0 and 1
            and kept_candidates >= 0
            and permutations between 99 and 100000
            and bootstrap_samples between 100 and 100000
            and hold_out_splits between 1 and 1000
            and random_seed >= 0
        ) as is_possible
    from segment_search

)

select *
from checked
where not is_possible
