{%- set domains = [
    {'column_name': 'age', 'kind': 'integer'},
    {'column_name': 'balance', 'kind': 'money'},
    {'column_name': 'city', 'kind': 'category'},
    {'column_name': 'is_churned', 'kind': 'flag'},
] %}
{%- set young = {'owner': 'a', 'column_name': 'age', 'operator': '<', 'value': '35'} %}
{%- set quoted = {'owner': 'b', 'column_name': 'city', 'operator': '<>', 'value': "O'Fallon"} %}
{%- set rich = {'owner': 'b', 'column_name': 'balance', 'operator': '>=', 'value': '-1000.50'} %}
{%- set staying = {'owner': 'a', 'column_name': 'is_churned', 'operator': '=', 'value': 'false'} %}
{%- set computed = {'owner': 'a', 'column_name': 'has_balance', 'operator': '=', 'value': 'true'} %}
{%- set owned = rules_of([young, quoted, rich, staying], 'owner', 'a') %}

select *
from (
    values
    ({{ text_literal(predicate([], domains)) }}, 'true'),
    ({{ text_literal(predicate([young], domains)) }}, 'age < 35'),
    ({{ text_literal(predicate([rich, quoted], domains)) }}, {{ text_literal("balance >= -1000.50 and city <> 'O''Fallon'") }}),
    ({{ text_literal(predicate(owned, domains)) }}, 'age < 35 and is_churned = false'),
    ({{ text_literal(predicate([computed], domains)) }}, 'has_balance = true'),
    -- Without domains it asks columns.csv.
    ({{ text_literal(predicate([staying]) if execute else client_columns()) }}, 'is_churned = false')
) as cases (actual, expected)
where actual is distinct from expected
