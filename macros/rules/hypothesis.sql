{# A hypothesis' metric in whole units: 1 or 0 for a proportion, else the column itself. #}
{% macro hypothesis_metric(hypothesis, domains) -%}
    {%- set kind = (domains | selectattr('column_name', 'equalto', hypothesis.metric_column) | first).kind -%}
    {%- if hypothesis.kind == 'proportion' -%}
        {%- set success = predicate([{
            'column_name': hypothesis.metric_column, 'operator': '=', 'value': hypothesis.success_value
        }], domains) -%}
        {%- do return({'units': 'cast(' ~ success ~ ' as bigint)', 'units_per_one': 1}) -%}
    {%- else -%}
        {%- do return({
            'units': whole_units(hypothesis.metric_column, kind), 'units_per_one': units_per_one(kind)
        }) -%}
    {%- endif -%}
{%- endmacro %}

{# Which of a hypothesis' two groups a client is in: 'first', 'second' or NULL. #}
{% macro hypothesis_group(hypothesis, domains) -%}
    case
        when {{ predicate([{
            'column_name': hypothesis.group_column, 'operator': '=', 'value': hypothesis.first_group
        }], domains) }} then 'first'
        when {{ predicate([{
            'column_name': hypothesis.group_column, 'operator': '=', 'value': hypothesis.second_group
        }], domains) }} then 'second'
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

{# Whether a hypothesis is about money or decimals, which are not counted by value. #}
{% macro is_about_money(hypothesis, domains) -%}
    {%- set kind = (domains | selectattr('column_name', 'equalto', hypothesis.metric_column) | first).kind -%}
    {%- do return(hypothesis.kind != 'proportion' and has_many_values(kind)) -%}
{%- endmacro %}
