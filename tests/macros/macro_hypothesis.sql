{%- set domains = [
    {'column_name': 'age', 'kind': 'integer'},
    {'column_name': 'salary', 'kind': 'money'},
    {'column_name': 'city', 'kind': 'category'},
    {'column_name': 'is_churned', 'kind': 'flag'},
] %}
{%- set mean_age = {'kind': 'mean', 'metric_column': 'age', 'group_column': 'city', 'first_group': 'a', 'second_group': 'b'} %}
{%- set mean_salary = {'kind': 'mean', 'metric_column': 'salary'} %}
{%- set salary_share = {'kind': 'proportion', 'metric_column': 'salary', 'success_value': '100'} %}
{%- set share = {'kind': 'proportion', 'metric_column': 'city', 'success_value': "O'Fallon"} %}
{%- set rules = [
    {'population': 'staying', 'column_name': 'is_churned', 'operator': '=', 'value': 'false'},
    {'population': 'others', 'column_name': 'is_churned', 'operator': '=', 'value': 'true'},
    {'population': 'others', 'column_name': 'age', 'operator': '>', 'value': '90'},
] %}
{%- set everyone = {'population': 'everyone', 'rules_mean': 'keep'} %}
{%- set staying = {'population': 'staying', 'rules_mean': 'keep'} %}
{%- set others = {'population': 'others', 'rules_mean': 'drop'} %}

select *
from (
    values
    ({{ text_literal(hypothesis_metric(mean_age, domains).units) }}, 'cast(age as bigint)'),
    ({{ text_literal(hypothesis_metric(mean_age, domains).units_per_one) }}, '1'),
    ({{ text_literal(hypothesis_metric(mean_salary, domains).units) }}, 'cast(salary * 100 as bigint)'),
    ({{ text_literal(hypothesis_metric(mean_salary, domains).units_per_one) }}, '100'),
    ({{ text_literal(hypothesis_metric(share, domains).units) }}, {{ text_literal("cast(city = 'O''Fallon' as bigint)") }}),
    ({{ text_literal(hypothesis_metric(share, domains).units_per_one) }}, '1'),
    (
        {{ text_literal(hypothesis_group(mean_age, domains).split() | join(' ')) }},
        {{ text_literal("case when city = 'a' then 'first' when city = 'b' then 'second' end") }}
    ),
    -- Money has too many values to be counted by, but not the share of those who have a certain sum.
    ({{ text_literal(hypothesis_metric(mean_salary, domains).is_about_money | string) }}, 'True'),
    ({{ text_literal(hypothesis_metric(mean_age, domains).is_about_money | string) }}, 'False'),
    ({{ text_literal(hypothesis_metric(salary_share, domains).is_about_money | string) }}, 'False'),
    ({{ text_literal(population_predicate(everyone, rules, domains).strip()) }}, 'true'),
    ({{ text_literal(population_predicate(staying, rules, domains).strip()) }}, 'is_churned = false'),
    -- Whoever meets some rules only, or a rule on NULL, is not dropped.
    ({{ text_literal(population_predicate(others, rules, domains).strip()) }}, '(is_churned = true and age > 90) is not true')
) as cases (actual, expected)
where actual is distinct from expected
