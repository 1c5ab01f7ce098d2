select
    results.hypothesis_id,
    results.population,
    results.test
from {{ ref('fct_hypothesis_results') }} as results
inner join {{ ref('dim_hypotheses') }} as hypotheses on results.hypothesis_id = hypotheses.hypothesis_id
where
    -- A result, or a reason in both languages why there is none.
    (results.p_value is null) <> (results.reason_ru is not null)
    or (results.p_value is null) <> (results.reason_en is not null)
    or (results.p_value is null) <> (results.p_value_adjusted is null)
    or (results.p_value is null) <> (results.verdict is null)
    or (results.p_value is null) <> (results.is_null_rejected is null)
    or results.p_value not between 0 and 1
    or results.p_value_adjusted not between results.p_value and 1
    or results.equivalence_p_value not between 0 and 1
    -- An interval holds its estimate, and the adjusted one, which the test itself gives, shows the decision.
    or results.difference not between results.difference_low and results.difference_high
    or results.difference not between results.difference_low_adjusted and results.difference_high_adjusted
    or (
        results.is_null_rejected
        <> (results.difference_low_adjusted > 0 or results.difference_high_adjusted < 0)
        -- On the border of alpha, rounding decides.
        and abs(results.p_value_adjusted - hypotheses.alpha) > 1e-12
    )
    or results.effect_size not between results.effect_size_low and results.effect_size_high
