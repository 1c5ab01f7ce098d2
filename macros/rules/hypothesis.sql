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

{# What a relation with flags `is_in_...` is joined to, to have a row for each population that one is in. #}
{% macro each_population(relation, populations) -%}
    (values ('{{ populations | map(attribute='population') | join("'), ('") }}')) as populations (population)
    on
        case populations.population
            {%- for row in populations %}
            when '{{ row.population }}' then {{ relation }}.is_in_{{ row.population }}
            {%- endfor %}
        end
{%- endmacro %}

{# Whether a hypothesis is about money or decimals, which are not counted by value. #}
{% macro is_about_money(hypothesis, domains) -%}
    {%- set kind = (domains | selectattr('column_name', 'equalto', hypothesis.metric_column) | first).kind -%}
    {%- do return(hypothesis.kind != 'proportion' and has_many_values(kind)) -%}
{%- endmacro %}

{# The slices in which a hypothesis has moments: every population and trimming, but a share has no tails to trim. #}
{% macro moment_slices(hypothesis, populations, trimmings) -%}
    {%- set slices = [] -%}
    {%- for population in populations -%}
        {%- for trimming in trimmings if trimming.trimming == 'none' or hypothesis.kind != 'proportion' -%}
            {%- do slices.append({'name': population.population ~ '_' ~ trimming.trimming, 'population': population, 'trimming': trimming}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(slices) -%}
{%- endmacro %}
