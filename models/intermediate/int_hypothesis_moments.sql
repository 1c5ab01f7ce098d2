{#- Not imported as a common table expression, which DuckDB would write out whole, client by client. -#}
{%- set hypothesis_values = ref('int_hypothesis_values') %}
{%- set hypotheses = registry('hypotheses') %}
{%- set domains = registry('column_domains') %}
{%- set populations = registry('populations') %}
{%- set trimmings = registry('trimmings') %}

with

trim_bounds as (

    select * from {{ ref('int_hypothesis_trim_bounds') }}

),

final as (

    {%- for hypothesis in hypotheses %}
    {%- set hypothesis_loop = loop %}
    {%- for population in populations %}
    {%- set population_loop = loop %}
    {#- A share has no tails to trim. #}
    {%- for trimming in trimmings if trimming.trimming == 'none' or hypothesis.kind != 'proportion' %}
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        '{{ trimming.trimming }}' as trimming,
        coalesce(compared.city, 'all') as city,
        compared.client_group,
        {{ hypothesis_metric(hypothesis, domains).units_per_one }} as units_per_one,
        {{ sum_where('compared.clients', 'compared.value_units is not null') }} as clients,
        sum({{ wide_integer('compared.value_units') }} * compared.clients) as total_units,
        sum({{ wide_integer('compared.value_units') }} * compared.value_units * compared.clients) as total_squared_units
    from {{ trimmed_values(hypothesis_values, hypothesis, population, trimming) | indent(4) }}
    where
        compared.hypothesis_id = '{{ hypothesis.hypothesis_id }}'
        and compared.population = '{{ population.population }}'
    group by compared.client_group, rollup(compared.city)
    {%- if not (hypothesis_loop.last and population_loop.last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
