{#
    A hypothesis' metric in whole units, 1 or 0 for a proportion, else the column itself; and whether it is money or
    decimals, which are not counted by value.
#}
{% macro hypothesis_metric(hypothesis, domains) -%}
    {%- set name = hypothesis.metric_column -%}
    {%- if hypothesis.kind == 'proportion' -%}
        {%- set success = predicate(
            [{'column_name': name, 'operator': '=', 'value': hypothesis.success_value}], domains
        ) -%}
        {%- do return({'units': 'cast(' ~ success ~ ' as bigint)', 'units_per_one': 1, 'is_about_money': false}) -%}
    {%- endif -%}
    {%- set kind = (domains | selectattr('column_name', 'equalto', name) | first).kind -%}
    {%- do return({
        'units': whole_units(name, kind), 'units_per_one': units_per_one(kind), 'is_about_money': has_many_values(kind)
    }) -%}
{%- endmacro %}

{# Which of a hypothesis' two groups a client is in: 'first', 'second' or NULL. #}
{% macro hypothesis_group(hypothesis, domains) -%}
    case
        {%- for group in ['first', 'second'] %}
        when {{ predicate([{
            'column_name': hypothesis.group_column, 'operator': '=', 'value': hypothesis[group ~ '_group']
        }], domains) }} then '{{ group }}'
        {%- endfor %}
    end
{%- endmacro %}

{# Who belongs to a population: those who meet all of its rules, or, where the rules mean `drop`, all others. #}
{% macro population_predicate(population, rules, domains) -%}
    {%- set members = predicate(rules_of(rules, 'population', population.population), domains) -%}
    {%- if population.rules_mean == 'drop' -%}
        ({{ members }}) is not true
    {%- else -%}
        {{ members }}
    {%- endif -%}
{%- endmacro %}

{# What a relation with flags `is_in_...` is joined to, to have a row for each of some slices that one is in. #}
{% macro each_slice(relation, slices) -%}
    (
        values
        {%- for slice in slices %}
        ('{{ slice.name }}', '{{ slice.population }}', '{{ slice.trimming }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ) as slices (slice, population, trimming)
    on
        case slices.slice
            {%- for slice in slices %}
            when '{{ slice.name }}' then {{ relation }}.is_in_{{ slice.name }}
            {%- endfor %}
        end
{%- endmacro %}
