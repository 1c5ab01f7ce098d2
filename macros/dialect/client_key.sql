{#
    HMAC-SHA-256 (RFC 2104) of the bank's id, its first 128 bits in hexadecimal.
    The key never enters SQL text: bank_segments.client_key sets the two padded keys in each session.
#}
{% macro client_key(column_name) -%}
    {{ return(adapter.dispatch('client_key', 'bank_segments')(column_name)) }}
{%- endmacro %}

{% macro duckdb__client_key(column_name) -%}
    substr(
        sha256(
            getvariable('client_key_outer_pad')
            || unhex(sha256(getvariable('client_key_inner_pad') || encode(cast({{ column_name }} as varchar))))
        ), 1, 32
    )
{%- endmacro %}

{% macro spark__client_key(column_name) -%}
    substr(
        sha2(
            concat(
                client_key_outer_pad,
                unhex(sha2(concat(client_key_inner_pad, encode(cast({{ column_name }} as string), 'utf-8')), 256))
            ),
            256
        ), 1, 32
    )
{%- endmacro %}

{# How a model that computes keys is kept: as a table where a view may not read the variables of a session. #}
{% macro keyed_materialization() -%}
    {{ return(adapter.dispatch('keyed_materialization', 'bank_segments')()) }}
{%- endmacro %}

{% macro default__keyed_materialization() -%}
    {{ return('view') }}
{%- endmacro %}

{% macro spark__keyed_materialization() -%}
    {{ return('table') }}
{%- endmacro %}
