{#
    HMAC-SHA-256 (RFC 2104) of the bank's id, its first 128 bits in hexadecimal.
    The key never enters SQL text: the plugin bank_segments.client_key sets the two padded keys on each connection.
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
