{%- set ages = [
    {'lower_bound': none, 'upper_bound': 25},
    {'lower_bound': 25, 'upper_bound': 35},
    {'lower_bound': 35, 'upper_bound': none},
] %}
{%- set salaries = [{'lower_bound': 0, 'upper_bound': 50000}, {'lower_bound': 50000, 'upper_bound': 1000000}] %}

with

cases as (

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
    ) as cases (age, expected_age_band, salary, expected_salary_band)

),

actual as (

    select
        *,
        {{ band('age', ages, 'integer') }} as actual_age_band,
        {{ band('salary', salaries, 'money') }} as actual_salary_band
    from cases

)

select *
from actual
where
    actual_age_band is distinct from expected_age_band
    or actual_salary_band is distinct from expected_salary_band
