with

-- Every hypothesis in each population that it names, with the number of its planned tests.
expected as (

    select
        hypotheses.hypothesis_id,
        {{ each_part('hypotheses.populations', ' ') }} as population,
        count(planned_tests.test) as tests,
        count(planned_tests.test) filter (where planned_tests.is_primary) as primary_tests
    from {{ ref('hypotheses') }} as hypotheses
    left join {{ ref('hypothesis_tests') }} as planned_tests
        on hypotheses.hypothesis_id = planned_tests.hypothesis_id
    group by hypotheses.hypothesis_id, hypotheses.populations

),

found as (

    select
        hypothesis_id,
        population,
        count(*) as tests,
        count(*) filter (where is_primary) as primary_tests
    from {{ ref('fct_hypothesis_results') }}
    group by hypothesis_id, population

)

select
    expected.*,
    found.*
from expected
full outer join found on expected.hypothesis_id = found.hypothesis_id and expected.population = found.population
where
    expected.primary_tests is distinct from 1
    or found.primary_tests is distinct from 1
    or expected.tests is distinct from found.tests
