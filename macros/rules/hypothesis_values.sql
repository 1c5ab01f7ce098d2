{#
    The values that hypotheses compare, as a query, with the populations that each is in: money, which has nearly as
    many values as there are clients, from `clients`, one by one, all else from `cells`, each once.
#}
{% macro hypothesis_values(hypotheses) -%}
{%- set populations = client_populations() -%}
{%- set counted = hypotheses | rejectattr('is_about_money') | map(attribute='hypothesis_id') | list -%}
{%- if counted or not hypotheses -%}
select
    hypothesis_id,
    territory,
    client_group,
    1 as units_per_one,
    value_units,
    clients
    {%- for row in populations %},
    population = '{{ row.population }}' as is_in_{{ row.population }}
    {%- endfor %}
from cells
where value_units is not null and {{ is_one_of('hypothesis_id', counted) }}
{%- endif -%}
{%- for hypothesis in hypotheses if hypothesis.is_about_money %}
{{ 'union all' if counted or not loop.first }}
select
    '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
    {{ territory() }} as territory,
    {{ hypothesis.client_group }} as client_group,
    {{ hypothesis.units_per_one }} as units_per_one,
    {{ hypothesis.units }} as value_units,
    1 as clients
    {%- for row in populations %},
    {{ row.condition }} as is_in_{{ row.population }}
    {%- endfor %}
from clients
where {{ hypothesis.client_group }} is not null and {{ hypothesis.metric_column }} is not null
{%- endfor %}
{%- endmacro %}

{# The same with the slices that each is in: a population, or those of it who lie within the bounds of a trimming. #}
{% macro sliced_values(hypotheses) -%}
{%- set slices = client_slices() -%}
select
    compared.*
    {%- for slice in slices if slice.is_trimmed %},
    compared.is_in_{{ slice.population }}
    and compared.value_units between bounds.lower_{{ slice.name }} and bounds.upper_{{ slice.name }}
        as is_in_{{ slice.name }}
    {%- endfor %}
from (
    {{ hypothesis_values(hypotheses) | indent(4) }}
) as compared
left join (
    select
        hypothesis_id
        {%- for slice in slices if slice.is_trimmed %}
        {%- for end in ['lower', 'upper'] %},
        max({{ end }}_units) filter (
            where population = '{{ slice.population }}' and trimming = '{{ slice.trimming }}'
        ) as {{ end }}_{{ slice.name }}
        {%- endfor %}
        {%- endfor %}
    from trim_bounds
    group by hypothesis_id
) as bounds on compared.hypothesis_id = bounds.hypothesis_id
{%- endmacro %}
