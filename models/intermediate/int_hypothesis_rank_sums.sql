{%- set hypotheses = applicable_hypotheses() | rejectattr('kind', 'equalto', 'proportion') | list %}
{%- set slices = client_slices() %}
{#- All slices where the verdict rests on ranks, else the populations that are reported. #}
{%- for hypothesis in hypotheses %}
{%- set reported = slices | rejectattr('is_trimmed') | selectattr('population', 'in', hypothesis.populations.split()) %}
{%- do hypothesis.update(slices=slices if hypothesis.kind == 'rank' else reported | list) %}
{%- endfor %}
{#- A column for each slice: one long table, with a row for each, is slower. A query of its own took 968 s, not 139, for
    the sums of three populations by three trimmings over 100 million made-up balances, and 58 s, not 13, over 10 million. -#}
{#- More clients than a group may have: pairs of them, even twice, still fit a bigint. Both groups are counted in one
    number, so many for a client of the first and one for one of the second: the sums are what takes time. #}
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
{#- By territory only where the verdict rests on ranks: with a name among its keys the grouping takes far longer. #}
{%- set is_by_territory = hypothesis.kind == 'rank' %}
-- One row for each value, for all slices at once: the grouping and the sort are what takes time.
levels_for_{{ hypothesis.hypothesis_id }} as (

    select
        {{ "case when territories.is_all then 'all' else compared.territory end" if is_by_territory else "'all'" }}
            as territory,
        {%- for name in hypothesis.slices | map(attribute='name') %}
        {{ sum_where('compared.both_groups', 'compared.is_in_' ~ name) }} as both_{{ name }},
        {%- endfor %}
        compared.value_units
    from (
        select
            *,
            case when client_group = 'first' then {{ group_size }} else 1 end * clients as both_groups
        from (
            {{ (sliced_values if is_by_territory else hypothesis_values)([hypothesis]) | indent(12) }}
        ) as listed
    ) as compared
    {{ 'inner join ' ~ each_territory('compared') if is_by_territory }}
    group by all

),

-- How many clients have no greater value.
cumulated_for_{{ hypothesis.hypothesis_id }} as (

    select
        {%- for name in hypothesis.slices | map(attribute='name') %}
        both_{{ name }},
        cast(sum(both_{{ name }}) over up_to as bigint) as both_up_to_{{ name }},
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
        {%- for name in hypothesis.slices | map(attribute='name') %}
        {%- for both in ['both_' ~ name, 'both_up_to_' ~ name] %}
        cast(({{ both }} - {{ both }} % {{ group_size }}) / {{ group_size }} as bigint)
            as {{ both | replace('both', 'first') }},
        {{ both }} % {{ group_size }} as {{ both | replace('both', 'second') }},
        {%- endfor %}
        {%- endfor %}
        territory
    from cumulated_for_{{ hypothesis.hypothesis_id }}

),

-- Twice the mid-rank within the other group, 2 * (its clients below) + (its clients tied), is a whole number.
sums_for_{{ hypothesis.hypothesis_id }} as (

    select
        {%- for name in hypothesis.slices | map(attribute='name') %}
        {%- set first_placement = '(2 * second_up_to_' ~ name ~ ' - second_' ~ name ~ ')' %}
        {%- set second_placement = '(2 * first_up_to_' ~ name ~ ' - first_' ~ name ~ ')' %}
        {%- set tied = wide_integer('first_' ~ name ~ ' + second_' ~ name) %}
        sum(first_{{ name }}) as first_{{ name }},
        sum(second_{{ name }}) as second_{{ name }},
        sum(first_{{ name }} * {{ first_placement }}) as first_placements_{{ name }},
        sum({{ wide_integer('first_' ~ name ~ ' * ' ~ first_placement) }} * {{ first_placement }})
            as first_squares_{{ name }},
        sum({{ wide_integer('second_' ~ name ~ ' * ' ~ second_placement) }} * {{ second_placement }})
            as second_squares_{{ name }},
        sum({{ tied }} * {{ tied }} * {{ tied }} - {{ tied }}) as tie_sum_{{ name }},
        {%- endfor %}
        territory
    from split_for_{{ hypothesis.hypothesis_id }}
    group by territory

),

{% endfor %}
final as (

    {{ no_rows({
        'hypothesis_id': 'string', 'population': 'string', 'trimming': 'string', 'territory': 'string',
        'first_clients': 'wide', 'second_clients': 'wide', 'first_placements': 'wide',
        'first_squared_placements': 'wide', 'second_squared_placements': 'wide', 'tie_sum': 'wide'
    }) | indent(4) }}
    {%- for hypothesis in hypotheses %}
    {%- for slice in hypothesis.slices %}
    union all
    select
        '{{ hypothesis.hypothesis_id }}' as hypothesis_id,
        '{{ slice.population }}' as population,
        '{{ slice.trimming }}' as trimming,
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
