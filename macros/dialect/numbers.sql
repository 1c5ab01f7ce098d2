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
