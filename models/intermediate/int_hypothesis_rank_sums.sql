{%- set hypotheses = applicable_hypotheses() | rejectattr('kind', 'equalto', 'proportion') | list %}
{%- set domains = client_columns() %}
{%- set populations = seed_rows('populations') %}
{%- set rules = seed_rows('population_rules') %}
{%- set trimmings = seed_rows('trimmings') %}
{#- More clients than a group may have. Both groups are counted in one number, so many for a client of the first and one
    for one of the second: the sums are what takes time. #}
{%- set group_size = 2147483648 %}

with

clients as {{ not_materialized() }} (

    select * from {{ ref('int_clients_segmented') }}

),

cells as (

    select * from {{ ref('int_hypothesis_cells') }}

),

trim_bounds as (

    select * from {{ ref('int_hypothesis_trim_bounds') }}

),

{% for hypothesis in hypotheses %}
{%- set slices = rank_slices(hypothesis, populations, trimmings) %}
{#- By territory only where the verdict rests on ranks: with a name among its keys the grouping takes far longer. #}
{%- set is_by_territory = hypothesis.kind == 'rank' %}
compared_for_{{ hypothesis.hypothesis_id }} as (

    select
        territory,
        value_units,
        {%- for slice in slices %}
        {{ is_in_slice(hypothesis, slice.population, slice.trimming) | indent(8) }} as is_in_slice_{{ slice.name }},
        {%- endfor %}
        case when client_group = 'first' then {{ group_size }} else 1 end * clients as both_groups
    from (
        {{ hypothesis_values(hypothesis, populations, rules, domains) | indent(8) }}
    ) as compared
    where value_units is not null

),

-- One row for each value, for all slices at once: the grouping and the sort are what takes time.
levels_for_{{ hypothesis.hypothesis_id }} as (

    select
        {{ "case when territories.is_all then 'all' else compared.territory end" if is_by_territory else "'all'" }}
            as territory,
        {%- for slice in slices %}
        {{ sum_where('compared.both_groups', 'compared.is_in_slice_' ~ slice.name) }} as both_{{ slice.name }},
        {%- endfor %}
        compared.value_units
    from compared_for_{{ hypothesis.hypothesis_id }} as compared
    {{ 'inner join ' ~ each_territory('compared') if is_by_territory }}
    group by all

),

-- How many clients have no greater value.
cumulated_for_{{ hypothesis.hypothesis_id }} as (

    select
        {%- for slice in slices %}
        both_{{ slice.name }},
        cast(sum(both_{{ slice.name }}) over up_to as bigint) as both_up_to_{{ slice.name }},
        {%- endfor %}
        territory
    from levels_for_{{ hypothesis.hypothesis_id }}
    window up_to as (
        {{ 'partition by territory' if is_by_territory }}
        order by value_units rows between unbounded preceding and current row
    )

),

split_for_{{ hypothesis.hypothesis_id }} as (

    select
        {%- for slice in slices %}
        {%- for both in ['both_' ~ slice.name, 'both_up_to_' ~ slice.name] %}
        cast(({{ both }} - {{ both }} % {{ group_size }}) / {{ group_size }} as bigint)
            as {{ both | replace('both', 'first') }},
        {{ both }} % {{ group_size }} as {{ both | replace('both', 'second') }},
        {%- endfor %}
        {%- endfor %}
        territory
    from cumulated_for_{{ hypothesis.hypothesis_id }}

),

-- Twice the mid-rank within the other group, 2 * (its clients below) + (its clients tied), is a whole number.
placements_for_{{ hypothesis.hypothesis_id }} as (

    select
        {%- for slice in slices %}
        first_{{ slice.name }},
        second_{{ slice.name }},
        2 * second_up_to_{{ slice.name }} - second_{{ slice.name }} as first_placement_{{ slice.name }},
        2 * first_up_to_{{ slice.name }} - first_{{ slice.name }} as second_placement_{{ slice.name }},
        {%- endfor %}
        territory
    from split_for_{{ hypothesis.hypothesis_id }}

),

sums_for_{{ hypothesis.hypothesis_id }} as (

    select
        {%- for slice in slices %}
        {%- set first = wide_integer('first_' ~ slice.name) %}
        {%- set second = wide_integer('second_' ~ slice.name) %}
        {%- set tied = wide_integer('first_' ~ slice.name ~ ' + second_' ~ slice.name) %}
        {%- set first_placement = wide_integer('first_placement_' ~ slice.name) %}
        {%- set second_placement = wide_integer('second_placement_' ~ slice.name) %}
        sum({{ first }}) as first_{{ slice.name }},
        sum({{ second }}) as second_{{ slice.name }},
        sum({{ first }} * {{ first_placement }}) as first_placements_{{ slice.name }},
        sum({{ first }} * {{ first_placement }} * {{ first_placement }}) as first_squares_{{ slice.name }},
        sum({{ second }} * {{ second_placement }} * {{ second_placement }}) as second_squares_{{ slice.name }},
        sum({{ tied }} * {{ tied }} * {{ tied }} - {{ tied }}) as tie_sum_{{ slice.name }},
        {%- endfor %}
        territory
    from placements_for_{{ hypothesis.hypothesis_id }}
    group by territory

),

{% endfor %}
final as (

    -- No row: the columns where the register has no such hypothesis.
    select
        cast(null as string) as hypothesis_id,
        cast(null as string) as population,
        cast(null as string) as trimming,
        cast(null as string) as territory,
        {{ wide_integer('null') }} as first_clients,
        {{ wide_integer('null') }} as second_clients,
        {{ wide_integer('null') }} as first_placements,
        {{ wide_integer('null') }} as first_squared_placements,
        {{ wide_integer('null') }} as second_squared_placements,
        {{ wide_integer('null') }} as tie_sum
    where false
    {%- for hypothesis in hypotheses %}
    {%- for slice in rank_slices(hypothesis, populations, trimmings) %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ slice.population.population }}' as population,
        '{{ slice.trimming.trimming }}' as trimming,
        territory,
        first_{{ slice.name }} as first_clients,
        second_{{ slice.name }} as second_clients,
        first_placements_{{ slice.name }} as first_placements,
        first_squares_{{ slice.name }} as first_squared_placements,
        second_squares_{{ slice.name }} as second_squared_placements,
        tie_sum_{{ slice.name }} as tie_sum
    from sums_for_{{ hypothesis.hypothesis_id }}
    where first_{{ slice.name }} + second_{{ slice.name }} > 0
    {%- endfor %}
    {%- endfor %}

)

select * from final
