{#- A mean of years or a share comes out of a few thousand cells, whatever the number of clients. #}
{%- set populations = client_populations() %}
{%- set rule_columns = seed_rows('population_rules') | map(attribute='column_name') | list %}
{%- set categories = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | map(attribute='trait') | list %}
{%- set types = {
    'hypothesis_id': 'string', 'territory': 'string', 'client_group': 'string', 'stratum': 'string',
    'value_units': 'bigint'
} %}
{%- for row in populations %}
{%- do types.update({'is_in_' ~ row.name: 'boolean'}) %}
{%- endfor %}
{%- do types.update(clients='bigint') %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

client_cells as (

    select * from {{ ref('int_client_cells') }}

),

compared as (

    {{ no_rows(types) | indent(4) }}
    {%- for hypothesis in applicable_hypotheses() if not hypothesis.is_about_money %}
    {%- set strata = (hypothesis.strata or '').split() %}
    {%- set columns = [territory(), hypothesis.group_column, hypothesis.metric_column] + strata %}
    {%- set is_counted = (columns + rule_columns) | reject('in', categories + ['is_churned']) | list == [] %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        {{ territory() }} as territory,
        {{ hypothesis.client_group }} as client_group,
        {%- if strata %}
        concat_ws(
            ' | '
            {%- for column in strata %},
            coalesce(cast({{ column }} as string), '')
            {%- endfor %}
        ) as stratum,
        {%- else %}
        cast(null as string) as stratum,
        {%- endif %}
        {{ hypothesis.units }} as value_units,
        {%- for row in populations %}
        is_in_{{ row.name }},
        {%- endfor %}
        clients
    -- By the columns themselves: which group and which value they stand for is worked out for the few cells. Where all
    -- of them are traits, the clients are counted by them already.
    from (
        select
            {%- for column in columns | unique %}
            {{ column }},
            {%- endfor %}
            {%- for row in populations %}
            {{ row.condition }} as is_in_{{ row.name }},
            {%- endfor %}
            {{ 'sum(clients)' if is_counted else 'count(*)' }} as clients
        from {{ 'client_cells' if is_counted else 'clients' }}
        where {{ hypothesis.client_group }} is not null
        group by all
    ) as counted
    {%- endfor %}

),

final as (

    select
        compared.hypothesis_id,
        slices.population,
        compared.territory,
        compared.client_group,
        compared.stratum,
        compared.value_units,
        cast(sum(compared.clients) as bigint) as clients
    from compared
    inner join {{ each_slice('compared', populations) | indent(4) }}
    group by all

)

select * from final
