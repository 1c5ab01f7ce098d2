{# An integer in a type that holds the sums of squares of 100 million clients: 128 bits, or 38 digits. #}
{% macro wide_integer(number) -%}
    {{ return(adapter.dispatch('wide_integer', 'bank_segments')(number)) }}
{%- endmacro %}

{% macro default__wide_integer(number) -%}
    cast({{ number }} as hugeint)
{%- endmacro %}

{% macro spark__wide_integer(number) -%}
    cast({{ number }} as decimal(38, 0))
{%- endmacro %}

{# Quantiles as one list, interpolated linearly (Hyndman and Fan 1996, type 7): one sort serves them all. #}
{% macro quantiles(column_name, shares) -%}
    {{ return(adapter.dispatch('quantiles', 'bank_segments')(column_name, shares)) }}
{%- endmacro %}

{% macro default__quantiles(column_name, shares) -%}
    quantile_cont(cast({{ column_name }} as double), [{{ shares | join(', ') }}])
{%- endmacro %}

{% macro spark__quantiles(column_name, shares) -%}
    percentile(cast({{ column_name }} as double), array({{ shares | join(', ') }}))
{%- endmacro %}

{#
    Whether amounts of money are counted before their quartiles are taken, as whole numbers are. There are nearly as many
    as clients, so that sorting them is faster; but Spark's exact percentile holds them all in one map of a task.
#}
{% macro counts_money() -%}
    {{ return(adapter.dispatch('counts_money', 'bank_segments')()) }}
{%- endmacro %}

{% macro default__counts_money() -%}
    {{ return(false) }}
{%- endmacro %}

{% macro spark__counts_money() -%}
    {{ return(true) }}
{%- endmacro %}

{#
    For each share, the smallest of some whole numbers that at least this share of them does not exceed: a query with one
    row, whose column `quantiles` is a list. Spark counts the numbers first, as with money.
#}
{% macro discrete_quantiles(relation, column_name, shares) -%}
    {{ return(adapter.dispatch('discrete_quantiles', 'bank_segments')(relation, column_name, shares)) }}
{%- endmacro %}

{% macro default__discrete_quantiles(relation, column_name, shares) -%}
select quantile_disc({{ column_name }}, [{{ shares | join(', ') }}]) as quantiles from {{ relation }}
{%- endmacro %}

{% macro spark__discrete_quantiles(relation, column_name, shares) -%}
select
    array(
        {%- for share in shares -%}
            min({{ column_name }}) filter (where up_to >= {{ share }} * all_numbers){{ ', ' if not loop.last }}
        {%- endfor -%}
    ) as quantiles
from (
    select
        {{ column_name }},
        sum(count(*)) over (order by {{ column_name }}) as up_to,
        sum(count(*)) over () as all_numbers
    from {{ relation }}
    where {{ column_name }} is not null
    group by {{ column_name }}
) as counted
{%- endmacro %}
