{%- set drivers = seed_rows('traits') | selectattr('is_driver') | map(attribute='trait') | list %}
{%- set search = seed_rows('segment_search') | first | default({'largest_depth': 1, 'smallest_coverage': 0}, true) %}

with

cells as (

    select * from {{ ref('int_driver_cells') }}

),

segment_rules as (

    select * from {{ ref('segment_rules') }}
    where column_name = 'is_churned'

),

-- A client without a value of a trait meets no condition on it: unpivot leaves NULL out.
cell_levels as (

    select
        cell_id,
        trait,
        level,
        clients
    from cells
    unpivot (level for trait in ({{ drivers | join(', ') }}))

),

-- Traits in the order of their names, so that no conjunction comes twice.
conjunctions_of_1 as (

    select
        cell_id,
        clients,
        trait as last_trait,
        trait || chr(31) || level as conditions
    from cell_levels

),

{% for depth in range(2, search.largest_depth + 1) -%}
conjunctions_of_{{ depth }} as (

    select
        conjunctions.cell_id,
        conjunctions.clients,
        cell_levels.trait as last_trait,
        conjunctions.conditions || chr(30) || cell_levels.trait || chr(31) || cell_levels.level as conditions
    from conjunctions_of_{{ depth - 1 }} as conjunctions
    inner join cell_levels
        on conjunctions.cell_id = cell_levels.cell_id and conjunctions.last_trait < cell_levels.trait

),

{% endfor -%}
conjunctions as (

    {%- for depth in range(1, search.largest_depth + 1) %}
    select
        cell_id,
        clients,
        conditions,
        {{ depth }} as depth
    from conjunctions_of_{{ depth }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

measured as (

    select
        *,
        sum(clients) over (partition by conditions) as covered_clients
    from conjunctions

),

candidates as (

    select
        'c_' || left(md5(conditions), 10) as candidate_id,
        cell_id,
        conditions,
        depth
    from measured
    where covered_clients >= {{ search.smallest_coverage }} * (select sum(cells.clients) from cells)

),

segments as (

    select
        {{ each_part('segment_ids', ',') }} as candidate_id,
        cell_id
    from cells
    where segment_ids <> ''

),

final as (

    select
        candidate_id,
        cell_id,
        conditions,
        depth,
        true as is_tested
    from candidates
    union all
    -- The declared segments are tested like any candidate, but for those that their rule makes of one outcome.
    select
        segments.candidate_id,
        segments.cell_id,
        cast(null as string) as conditions,
        cast(null as int) as depth,
        segment_rules.segment_id is null as is_tested
    from segments
    left join segment_rules on segments.candidate_id = segment_rules.segment_id

)

select * from final
