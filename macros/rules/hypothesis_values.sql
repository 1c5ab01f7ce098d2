{#
    The values that a hypothesis compares, as a query: money from `clients`, one by one, all else from `cells`, each once,
    with the populations that it is in.
#}
{% macro hypothesis_values(hypothesis, populations, rules, domains) -%}
select
    {%- if hypothesis.is_about_money %}
    {{ territory() }} as territory,
    {{ hypothesis_group(hypothesis, domains) }} as client_group,
    {{ hypothesis_metric(hypothesis, domains).units }} as value_units,
    1 as clients
    {%- for population in populations %},
    {{ population_predicate(population, rules, domains) }} as is_in_{{ population.population }}
    {%- endfor %}
from clients
where {{ hypothesis_group(hypothesis, domains) }} is not null
    {%- else %}
    territory,
    client_group,
    value_units,
    clients
    {%- for population in populations %},
    population = '{{ population.population }}' as is_in_{{ population.population }}
    {%- endfor %}
from cells
where hypothesis_id = '{{ hypothesis.hypothesis_id }}'
    {%- endif %}
{%- endmacro %}

{# Whether such a value belongs to a population and lies within the bounds of a trimming. #}
{% macro is_in_slice(hypothesis, population, trimming) -%}
is_in_{{ population.population }}
{%- if trimming.trimming != 'none' %}
{%- for end in ('lower', 'upper') %}
and value_units {{ '>=' if end == 'lower' else '<=' }} (
    select {{ end }}_units
    from trim_bounds
    where
        hypothesis_id = '{{ hypothesis.hypothesis_id }}'
        and population = '{{ population.population }}'
        and trimming = '{{ trimming.trimming }}'
)
{%- endfor %}
{%- endif %}
{%- endmacro %}

{# The slices in which a hypothesis has rank sums: all where the verdict rests on ranks, else those that are reported. #}
{% macro rank_slices(hypothesis, populations, trimmings) -%}
    {%- set slices = [] -%}
    {%- for slice in moment_slices(hypothesis, populations, trimmings)
        if hypothesis.kind == 'rank'
        or (slice.trimming.trimming == 'none' and slice.population.population in hypothesis.populations.split()) -%}
        {%- do slices.append(slice) -%}
    {%- endfor -%}
    {%- do return(slices) -%}
{%- endmacro %}
