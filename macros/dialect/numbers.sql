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
