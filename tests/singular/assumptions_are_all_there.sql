-- A profit without one of its assumptions would be NULL, and nobody would know why.
with

assumption_sets as (

    select * from {{ ref('int_assumption_sets') }}

)

select *
from assumption_sets
where
    expected_churn_rate_end is null
    or save_rate is null
    or take_up_of_stayers is null
    or contact_cost is null
    or offer_cost is null
    or margin_on_balance is null
    or fee_per_product is null
    or years_kept is null
    or discount_rate is null
