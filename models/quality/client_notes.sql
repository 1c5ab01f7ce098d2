{#- A table: the clients are counted once, however often it is read. #}
{{- config(materialized='table') }}

{%- set notes = [] %}
{%- for row in client_populations() | selectattr('rules_mean', 'equalto', 'drop') %}
{%- do notes.append({'note': 'left_out', 'subject': row.population, 'condition': 'not ' ~ row.condition}) %}
{%- endfor %}
{%- for row in client_columns() | rejectattr('is_required') %}
{%- do notes.append({'note': 'no_value', 'subject': row.column_name, 'condition': row.column_name ~ ' is null'}) %}
{%- endfor %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

columns as (

    select * from {{ ref('columns') }}

),

traits as (

    select * from {{ ref('traits') }}

),

-- A trait can be both a number and a category.
trait_names as (

    select
        trait,
        max(name_ru) as name_ru,
        max(name_en) as name_en
    from traits
    group by trait

),

populations as (

    select * from {{ ref('populations') }}

),

counted as (

    select
        {%- for row in notes %}
        count(*) filter (where {{ row.condition }}) as {{ row.note }}_{{ row.subject }},
        {%- endfor %}
        count(*) as clients
    from clients

),

noted as (

    {{ no_rows({'note': 'string', 'subject': 'string', 'clients': 'bigint', 'all_clients': 'bigint'}) | indent(4) }}
    {%- for row in notes %}
    union all
    select
        '{{ row.note }}' as note,
        '{{ row.subject }}' as subject,
        {{ row.note }}_{{ row.subject }} as clients,
        clients as all_clients
    from counted
    {%- endfor %}

),

final as (

    select
        noted.note,
        noted.subject,
        coalesce(populations.name_ru, trait_names.name_ru, columns.description_ru) as name_ru,
        coalesce(populations.name_en, trait_names.name_en, columns.description_en) as name_en,
        noted.clients,
        {{ rate('noted.clients', 'noted.all_clients') }} as share_of_clients,
        {{ rank_among(
            'noted.clients > 0', order='noted.note, noted.clients desc, populations.sort_order, columns.sort_order'
        ) }} as note_rank
    from noted
    left join populations on noted.note = 'left_out' and noted.subject = populations.population
    left join columns on noted.note = 'no_value' and noted.subject = columns.column_name
    left join trait_names on columns.column_name = trait_names.trait

)

select * from final
