{#- A mean of years or a share comes out of a few thousand cells, whatever the number of clients. #}
{%- set domains = client_columns() %}
{%- set populations = seed_rows('populations') %}
{%- set rules = seed_rows('population_rules') %}
{%- set cell_columns = ['is_churned'] %}
{%- for row in seed_rows('traits') if row.kind == 'category' %}
{%- do cell_columns.append(row.trait) %}
{%- endfor %}
{%- set hypotheses = applicable_hypotheses() | rejectattr('is_about_money') | list %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

client_cells as (

    select * from {{ ref('int_client_cells') }}

),

{% for hypothesis in hypotheses %}
{%- set strata = (hypothesis.strata or '').split() %}
{%- set columns = [territory(), hypothesis.group_column, hypothesis.metric_column] + strata %}
{%- set rule_columns = rules | map(attribute='column_name') | list %}
{%- set is_counted = (columns + rule_columns) | reject('in', cell_columns) | list == [] %}
counted_for_{{ hypothesis.hypothesis_id }} as (

    -- By the columns themselves: which group and which value they stand for is worked out for the few cells. Where all
    -- of them are traits, the clients are counted by them already.
    select
        {%- for column in columns | unique %}
        {{ column }},
        {%- endfor %}
        {%- for population in populations %}
        {{ population_predicate(population, rules, domains) }} as is_in_{{ population.population }},
        {%- endfor %}
        {{ 'sum(clients)' if is_counted else 'count(*)' }} as clients
    from {{ 'client_cells' if is_counted else 'clients' }}
    where {{ hypothesis_group(hypothesis, domains) }} is not null
    group by all

),

{% endfor %}
compared as (

    -- No row: the columns where the register has no such hypothesis.
    select
        cast(null as string) as hypothesis_id,
        cast(null as string) as territory,
        cast(null as string) as client_group,
        cast(null as string) as stratum,
        cast(null as bigint) as value_units,
        {%- for population in populations %}
        cast(null as boolean) as is_in_{{ population.population }},
        {%- endfor %}
        cast(null as bigint) as clients
    where false
    {%- for hypothesis in hypotheses %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        {{ territory() }} as territory,
        {{ hypothesis_group(hypothesis, domains) }} as client_group,
        {%- if hypothesis.strata %}
        concat_ws(
            ' | '
            {%- for column in hypothesis.strata.split() %},
            coalesce(cast({{ column }} as string), '')
            {%- endfor %}
        ) as stratum,
        {%- else %}
        cast(null as string) as stratum,
        {%- endif %}
        {{ hypothesis_metric(hypothesis, domains).units }} as value_units,
        {%- for population in populations %}
        is_in_{{ population.population }},
        {%- endfor %}
        clients
    from counted_for_{{ hypothesis.hypothesis_id }}
    {%- endfor %}

),

final as (

    select
        compared.hypothesis_id,
        populations.population,
        compared.territory,
        compared.client_group,
        compared.stratum,
        compared.value_units,
        cast(sum(compared.clients) as bigint) as clients
    from compared
    inner join {{ each_population('compared', populations) | indent(4) }}
    group by all

)

select * from final
