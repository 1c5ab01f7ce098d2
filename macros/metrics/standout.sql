{# Where an interval lies against a rate: a difference counts only where the whole interval is on one side. #}
{% macro position_against(low, high, rate) -%}
    case
        when {{ low }} > {{ rate }} then 'above'
        when {{ high }} < {{ rate }} then 'below'
        when {{ low }} is not null and {{ rate }} is not null then 'not_distinguishable'
    end
{%- endmacro %}

{#
    The place, from 1, of the rows that meet a condition, in the order of some columns; NULL for all others. The function
    says what ties get: `row_number` different places, `rank` and `dense_rank` the same.
#}
{% macro rank_among(condition, order, per=none, function='row_number') -%}
    cast(
        case
            when {{ condition }}
                then {{ function }}() over (
                    partition by {{ per ~ ', ' if per }}{{ condition }} order by {{ order }}
                )
        end as int
    )
{%- endmacro %}

{# Whether the interval of a ranked row lies wholly above those of all that follow: NULL where none follows. #}
{% macro is_clear_of_next(rank, low, high) -%}
    case
        when {{ rank }} is null then null
        when count(*) over (partition by {{ rank }}) > 1 then false
        else
            {{ low }} > max(case when {{ rank }} is not null then {{ high }} end) over (
                order by {{ rank }} range between 1 following and unbounded following
            )
    end
{%- endmacro %}

{#
    How far the medians of the groups of a trait lie apart, in standard deviations: over the groups that are shown. NULL
    with fewer than two of them, without any spread, or where the notches of all boxes overlap, so that the medians may
    be the same: 1.57 interquartile ranges over the root of the clients to both sides (McGill, Tukey and Larsen 1978).
#}
{% macro median_separation() -%}
    {%- set notch = '1.57 * (p75 - p25) / sqrt(clients)' -%}
    case
        when
            count(case when not is_too_small then median end) over by_trait > 1
            and max(case when not is_too_small then median - {{ notch }} end) over by_trait
            > min(case when not is_too_small then median + {{ notch }} end) over by_trait
            then
                (
                    max(case when not is_too_small then median end) over by_trait
                    - min(case when not is_too_small then median end) over by_trait
                ) / nullif(avg(case when not is_too_small then standard_deviation end) over by_trait, 0)
    end
{%- endmacro %}
