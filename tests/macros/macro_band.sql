{%- set ages = [
    {'lower_bound': none, 'upper_bound': 25},
    {'lower_bound': 25, 'upper_bound': 35},
    {'lower_bound': 35, 'upper_bound': none},
] %}
{%- set salaries = [{'lower_bound': 0, 'upper_bound': 50000}, {'lower_bound': 50000, 'upper_bound': 1000000}] %}

select *
from (
    values
    (-1, '<25', null, null),
    (24, '<25', 0, '0-50000'),
    (25, '25-34', 49999.99, '0-50000'),
    (34, '25-34', 50000, '50000-1000000'),
    (35, '35+', 999999.99, '50000-1000000'),
    (120, '35+', 1000000, null),
    (null, null, -0.01, null)
) as cases (age, age_band, salary, salary_band)
where
    {{ band('age', ages, 'integer') }} is distinct from age_band
    or {{ band('salary', salaries, 'money') }} is distinct from salary_band
