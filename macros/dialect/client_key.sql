{#
    HMAC-SHA-256 (RFC 2104) of the bank's id, its first 128 bits in hexadecimal.
    The key never enters SQL text: bank_segments.ingest.client_key sets the two padded keys in each session of DuckDB.
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

{#
    Looked up in what DuckDB computed beside dbt when the clients were loaded: a variable of a Spark session shows in
    the plans, which every cluster's history server keeps.
#}
{% macro spark__client_key(column_name) -%}
    (
        select max(client_keys.client_key)
        {#- Not by source(), which in a unit test is rows. #}
        from {{ generate_schema_name('raw', none) }}.client_keys as client_keys
        where client_keys.client_id = {{ column_name }}
    )
{%- endmacro %}
