{%- set bands = seed_rows('bands') %}
{%- set domains = client_columns() %}
{%- set definitions = {} %}
{%- for band in bands %}
{%- set kind = (domains | selectattr('column_name', 'equalto', band.column_name) | first).kind %}
{%- do definitions.setdefault(band.column_name ~ '_band', []).append(band_name(band, kind)) %}
{%- endfor %}

with

trait_levels as (

    select * from {{ ref('int_trait_levels') }}

),

cells as (

    select * from {{ ref('int_client_cells') }}

),

segments as (

    select * from {{ ref('int_segment_counts') }}

),

segment_names as (

    select * from {{ ref('dim_segments') }}

),

bank as (

    select * from {{ ref('int_bank_totals') }}

),

counted as (

    select
        trait,
        level,
        sum(clients) as clients,
        cast(null as string) as rule
    from trait_levels
    group by trait, level
    union all
    select
        'is_churned' as trait,
        cast(is_churned as string) as level,
        sum(clients) as clients,
        cast(null as string) as rule
    from cells
    group by is_churned
    union all
    select
        segments.segment_id as trait,
        cast(members.is_in_segment as string) as level,
        case when members.is_in_segment then segments.clients else bank.clients - segments.clients end as clients,
        segment_names.rule
    from segments
    inner join segment_names on segments.segment_id = segment_names.segment_id
    cross join bank
    cross join (values (true), (false)) as members (is_in_segment)

),

final as (

    select
        trait,
        level,
        cast(clients as bigint) as clients,
        {{ rate('clients', 'sum(clients) over (partition by trait)') }} as share_of_clients,
        -- Shares of differently cut bands say nothing about drift: the cut is compared first.
        cast(
            case
                when rule is not null then rule
                {%- for trait, names in definitions.items() %}
                when trait = '{{ trait }}' then '{{ names | join('; ') }}'
                {%- endfor %}
            end as string
        ) as band_definition
    from counted

)

select * from final
