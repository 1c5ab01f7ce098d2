-- Expected are the bounds that statsmodels 0.15 gives: proportion_confint(part, whole, method='wilson').
with

actual as (

    select
        *,
        {{ wilson_low('part', 'whole') }} as actual_low,
        {{ wilson_high('part', 'whole') }} as actual_high
    from (
        values
        (100, 200, 0.431360859603892, 0.568639140396108),
        (1, 3, 0.0614919447203963, 0.792340399197952),
        (2, 3, 0.207659600802048, 0.938508055279604),
        (20, 3000, 0.00431983912063902, 0.0102752916216826),
        (1408, 5084, 0.264818515233861, 0.289412877714122),
        (99999999, 100000000, 0.99999994335066, 0.999999998234754),
        -- At the ends the bound is 0 or 1 itself, which rounding would miss.
        (0, 1, 0, 0.793450685622763),
        (0, 60, 0, 0.0601718521420899),
        (1, 1, 0.206549314377237, 1),
        (60, 60, 0.93982814785791, 1),
        (0, 0, null, null)
    ) as cases (part, whole, expected_low, expected_high)

)

select *
from actual
where
    (actual_low is null) <> (expected_low is null)
    or (actual_high is null) <> (expected_high is null)
    or abs(actual_low - expected_low) > 1e-12
    or abs(actual_high - expected_high) > 1e-12
    or (part = 0 and actual_low <> 0)
    or (part = whole and actual_high <> 1)
    or lower(typeof(actual_low)) <> 'double'
    or lower(typeof(actual_high)) <> 'double'
