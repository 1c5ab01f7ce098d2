{# Runs before a build: `dbt test` or `dbt docs generate` must not swap the clients under the models. #}
{% macro load_clients() -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- do adapter.dispatch('load_clients', 'bank_segments')(env_var('BANK_CLIENTS', 'seeds/sample/clients.parquet')) -%}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__load_clients(path) -%}
    {%- set source_node = graph.sources['source.bank_segments.bank.clients'] -%}
    {%- set quoted_path = "'" ~ path | replace("'", "''") ~ "'" -%}
    {%- if path.endswith('.parquet') -%}
        {%- set reader = 'read_parquet(' ~ quoted_path ~ ')' -%}
    {%- elif path.endswith('.csv') or path.endswith('.csv.gz') -%}
        {#- Everything is named here, so that the sniffer cannot take a column for a date or a row for a header. -#}
        {%- set reader = 'read_csv(' ~ quoted_path ~ ", header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', nullstr = '')" -%}
    {%- else -%}
        {%- do exceptions.raise_compiler_error('The client file ' ~ path ~ ' must end in .csv, .csv.gz or .parquet.') -%}
    {%- endif -%}
    {%- if run_query('select 1 from glob(' ~ quoted_path ~ ')').rows | length != 1 -%}
        {%- do exceptions.raise_compiler_error('The client file ' ~ path ~ ' does not exist; check the path given as CLIENTS.') -%}
    {%- endif -%}

    {%- set found = {} -%}
    {%- for column in run_query('describe select * from ' ~ reader).rows -%}
        {%- do found.update({column[0] | lower: column[0]}) -%}
    {%- endfor -%}
    {%- set wanted = source_node.columns.keys() | reject('equalto', 'source_row_number') | list -%}
    {%- set missing = [] -%}
    {%- for column in wanted if column | lower not in found -%}
        {%- do missing.append(column) -%}
    {%- endfor -%}
    {%- if missing -%}
        {%- do exceptions.raise_compiler_error(
            'The client file ' ~ path ~ ' has no column ' ~ missing | join(', ')
            ~ '; its first line must name ' ~ wanted | join(', ') ~ ', separated by commas.'
        ) -%}
    {%- endif -%}

    {% call statement('load_clients', auto_begin=false) %}
        create schema if not exists {{ source_node.schema }};
        create or replace table {{ source_node.schema }}.{{ source_node.identifier }} as
        select
            row_number() over () as source_row_number,
            {% for column in wanted -%}
                cast("{{ found[column | lower] }}" as varchar) as "{{ column }}",
            {% endfor %}
        from {{ reader }}
    {% endcall %}
{%- endmacro %}
