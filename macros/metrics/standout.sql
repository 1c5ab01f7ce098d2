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

{#
    How far the medians of the groups of a trait lie apart, in standard deviations: over the groups that are shown. NULL
    with fewer than two of them, or without any spread.
#}
{% macro median_separation() -%}
    case
        when count(case when not is_too_small then median end) over by_trait > 1
            then
                (
                    max(case when not is_too_small then median end) over by_trait
                    - min(case when not is_too_small then median end) over by_trait
                ) / nullif(avg(case when not is_too_small then standard_deviation end) over by_trait, 0)
    end
{%- endmacro %}
