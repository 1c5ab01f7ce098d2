{%- set first = {'lower_bound': none, 'upper_bound': 25} %}
{%- set middle = {'lower_bound': 25, 'upper_bound': 35} %}
{%- set last = {'lower_bound': 65, 'upper_bound': none} %}
{%- set zero = {'lower_bound': 0, 'upper_bound': 1000000} %}

select *
from (
    values
    ('{{ band_name(first, 'integer') }}', '<25'),
    ('{{ band_name(middle, 'integer') }}', '25-34'),
    ('{{ band_name(last, 'integer') }}', '65+'),
    -- Money has no last value below a bound.
    ('{{ band_name(middle, 'money') }}', '25-35'),
    ('{{ band_name(first, 'money') }}', '<25'),
    ('{{ band_name(zero, 'money') }}', '0-1000000'),
    ('{{ band_name(zero, 'money', 'до ', '–', ' и больше', ' ') }}', '0–1 000 000'),
    ('{{ band_name(zero, 'integer', 'under ', '–', ' and over', ',') }}', '0–999,999'),
    ('{{ band_name(first, 'integer', 'до ') }}', 'до 25'),
    ('{{ band_name(last, 'integer', 'до ', '–', ' и больше') }}', '65 и больше')
) as cases (actual, expected)
where actual is distinct from expected
