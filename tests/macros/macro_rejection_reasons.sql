{%- set domains = [
    {'column_name': 'age', 'raw_column': 'Age', 'kind': 'integer', 'is_required': true, 'minimum': 18, 'maximum': 100},
    {'column_name': 'balance', 'raw_column': 'Balance', 'kind': 'money', 'is_required': false, 'minimum': 0, 'maximum': 10},
    {'column_name': 'is_churned', 'raw_column': 'Churn', 'kind': 'flag', 'is_required': true},
] %}

select *
from (
    values
    ('18', '0', '1', ''),
    ('100', '10.00', 'Нет', ''),
    ('18', null, '1', ''),
    ('17', '10.01', '2', 'Age is outside its domain; Balance is outside its domain; Churn is unknown'),
    ('101', '-0.01', null, 'Age is outside its domain; Balance is outside its domain; Churn is missing'),
    ('x', 'NaN', '1', 'Age is not a number; Balance is not a number'),
    (null, null, null, 'Age is missing; Churn is missing'),
    -- A number too large for its type is one all the same, and not NULL that slips through.
    ('1e400', '1e400', '1', 'Age is outside its domain; Balance is outside its domain'),
    ('18.5', null, '1', 'Age is outside its domain')
) as cases (age, balance, is_churned, expected)
where concat_ws('; ', {{ rejection_reasons(domains) | join(', ') }}) is distinct from expected
