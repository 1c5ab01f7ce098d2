{#- A view: with tens of millions of nearly distinct salaries, writing the levels takes longer than summing them. #}
{{- config(materialized='view') }}

{#- Not imported as a common table expression, which DuckDB would write out whole, client by client. #}
{%- set hypothesis_values = ref('int_hypothesis_values') %}
{%- set hypotheses = registry('hypotheses') | rejectattr('kind', 'equalto', 'proportion') | list %}
{%- set populations = registry('populations') %}
{%- set trimmings = registry('trimmings') %}

with

trim_bounds as (

    select * from {{ ref('int_hypothesis_trim_bounds') }}

),

final as (

    -- No row: the columns where the register has no such hypothesis.
    select
        cast(null as string) as hypothesis_id,
        cast(null as string) as population,
        cast(null as string) as trimming,
        cast(null as string) as city,
        cast(null as bigint) as value_units,
        cast(null as bigint) as first_clients,
        cast(null as bigint) as second_clients,
        cast(null as bigint) as first_clients_below,
        cast(null as bigint) as second_clients_below
    where false
    {%- for hypothesis in hypotheses %}
    {#- A rank test is wanted in every slice only where it is what the verdict rests on. #}
    {%- set in_every_slice = hypothesis.kind == 'rank' %}
    {%- set partition = 'partition by city ' if in_every_slice else '' %}
    {%- for population in populations if in_every_slice or population.population in hypothesis.populations.split(' ') %}
    {%- for trimming in trimmings if in_every_slice or trimming.trimming == 'none' %}
    union all
    {#- Grouped and ordered by the number alone: with the two names among the keys it takes five times as long. #}
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ population.population }}' as population,
        '{{ trimming.trimming }}' as trimming,
        city,
        value_units,
        first_clients,
        second_clients,
        cast(sum(first_clients) over below as bigint) - first_clients as first_clients_below,
        cast(sum(second_clients) over below as bigint) - second_clients as second_clients_below
    from (
        select
            {{ "coalesce(compared.city, 'all')" if in_every_slice else "'all'" }} as city,
            compared.value_units,
            {{ sum_where('compared.clients', "compared.client_group = 'first'") }} as first_clients,
            {{ sum_where('compared.clients', "compared.client_group = 'second'") }} as second_clients
        from {{ trimmed_values(hypothesis_values, hypothesis, population, trimming) | indent(8) }}
        where
            compared.hypothesis_id = '{{ hypothesis.hypothesis_id }}'
            and compared.population = '{{ population.population }}'
            and compared.value_units is not null
        group by compared.value_units{{ ', rollup(compared.city)' if in_every_slice }}
    ) as levels
    window below as ({{ partition }}order by value_units rows between unbounded preceding and current row)
    {%- endfor %}
    {%- endfor %}
    {%- endfor %}

)

select * from final
