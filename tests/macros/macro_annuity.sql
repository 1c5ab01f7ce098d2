select *
from (
    values
    -- By hand: 1 / 1.1; 1 / 1.1 + 1 / 1.21; 3 years of nothing taken off; and a tenth off forever is 10 in the end.
    (1.0e0, 0.1e0, 0.9090909090909091e0),
    (2.0e0, 0.1e0, 1.7355371900826446e0),
    (3.0e0, 0.0e0, 3.0e0),
    (500.0e0, 0.1e0, 10.0e0),
    (0.0e0, 0.1e0, 0.0e0)
) as cases (years, discount_rate, expected)
where not coalesce(abs({{ annuity('years', 'discount_rate') }} - expected) <= 1e-12, false)
