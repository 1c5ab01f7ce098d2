{# Runs before a build: `dbt test` or `dbt docs generate` must not swap the clients under the models. #}
{% macro load_clients() -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- do adapter.dispatch('load_clients', 'bank_segments')(env_var('BANK_CLIENTS', 'seeds/sample/clients.parquet')) -%}
    {%- endif -%}
{%- endmacro %}

{#
    Every column as text, so that no cast can lose a row. Python has looked at the file first
    (bank_segments.client_file): it refuses what cannot be read for certain and counts the rows.
#}
{% macro duckdb__load_clients(path) -%}
    {%- set source_node = clients_source() -%}
    {%- set file = fromjson(run_query(
        'select look_at_client_file(' ~ text_literal(path) ~ ', ' ~ text_literal(tojson(wanted_columns(source_node))) ~ ')'
    ).rows[0][0]) -%}
    {%- do refuse_file(file) -%}
    {%- set relation = source_node.schema ~ '.' ~ source_node.identifier -%}
    {% call statement('load_clients', auto_begin=false) %}
        create schema if not exists {{ source_node.schema }};
        drop table if exists temp.unread_rows;
        drop table if exists temp.unread_scans;
        create or replace table {{ relation }} as
        {{ select_from_file(file, wanted_columns(source_node)) }}
    {% endcall %}
    {%- do refuse_unread_rows(
        file,
        run_query('select count(*) from ' ~ relation).rows[0][0] | int,
        run_query(first_unread_row()).rows if file.delimiter else []
    ) -%}
{%- endmacro %}

{# The same rows, numbered and judged the same: DuckDB reads the file, Spark takes over what it read. #}
{% macro spark__load_clients(path) -%}
    {%- set source_node = clients_source() -%}
    {%- set file = adapter.look_at_client_file(path, wanted_columns(source_node)) -%}
    {%- do refuse_file(file) -%}
    {%- set loaded, unread = adapter.load_client_file(
        source_node.schema,
        source_node.identifier,
        select_from_file(file, wanted_columns(source_node)),
        first_unread_row() if file.delimiter else none
    ) -%}
    {%- do refuse_unread_rows(file, loaded, unread) -%}
    {#- Every id as the models read it, with its key. -#}
    {%- do adapter.write_client_keys(
        source_node.schema,
        'select distinct ' ~ to_integer('client_id') ~ ' as client_id from (select ' ~ clean_number('userid')
        ~ ' as client_id from ' ~ source_node.schema ~ '.' ~ source_node.identifier ~ ') as clients',
        duckdb__client_key('client_id')
    ) -%}
{%- endmacro %}

{% macro clients_source() -%}
    {%- do return(graph.sources['source.bank_segments.bank.clients']) -%}
{%- endmacro %}

{# The columns that the file must have: those of the source that loading does not add. #}
{% macro wanted_columns(source_node) -%}
    {%- do return(source_node.columns.keys() | reject('in', ['source_row_number', 'row_fault', 'row_text']) | list) -%}
{%- endmacro %}

{% macro refuse_file(file) -%}
    {%- if file.refusal -%}
        {%- do exceptions.raise_compiler_error(file.refusal) -%}
    {%- endif -%}
{%- endmacro %}

{% macro first_unread_row() -%}
    select line, error_type from unread_rows order by line, error_type limit 1
{%- endmacro %}

{# DuckDB sets aside the rows that it cannot split, and was seen to forget some: hence the count. #}
{% macro refuse_unread_rows(file, loaded, unread) -%}
    {%- if unread -%}
        {%- set advice = {
            'UNQUOTED VALUE': 'has a quotation mark inside a cell; double it, or remove it',
            'TOO MANY COLUMNS': 'has far more fields than the header; look for a missing line break there',
        } -%}
        {%- do exceptions.raise_compiler_error(
            'The client file ' ~ file.shown ~ ' cannot be split into cells: its row ' ~ unread[0][0] ~ ' '
            ~ advice.get(unread[0][1], 'differs from the others; compare it with the header') ~ '.'
        ) -%}
    {%- endif -%}
    {%- if loaded != file.rows -%}
        {%- do exceptions.raise_compiler_error(
            'The client file ' ~ file.shown ~ ' cannot be split into rows: ' ~ file.rows ~ ' were counted and ' ~ loaded
            ~ ' read; look for a quotation mark that is not paired.'
        ) -%}
    {%- endif -%}
{%- endmacro %}

{# DuckDB's SQL on either engine, as are its parts below. #}
{% macro select_from_file(file, wanted) -%}
    {{- select_from_csv(file, wanted) if file.delimiter else select_from_parquet(file, wanted) -}}
{%- endmacro %}

{#
    The dialect is given, nothing is sniffed. A missing field is NULL and an empty one is not, because no text equals
    nullstr, a letter of Unicode's private area: so a row of the wrong length shows, and is kept with its text.
    Rows with more than four fields too many are set aside, as are those with a quotation mark inside a cell.
#}
{% macro select_from_csv(file, wanted) -%}
    {%- set fields = file.columns | length -%}
    {%- set extra = 4 -%}
        select
            source_row_number,
            {% for column in wanted -%}
                case when row_fault is null then nullif(c{{ column_position(file.columns, column) }}, '') end as "{{ column }}",
            {% endfor -%}
            row_fault,
            case
                when row_fault is not null
                    then concat_ws({{ default__text_literal(file.delimiter) }}{% for at in range(fields + extra) %}, c{{ at }}{% endfor %})
            end as row_text
        from (
            select
                *,
                row_number() over () as source_row_number,
                case
                    when c{{ fields - 1 }} is null then 'row has fewer fields than the header'
                    when concat({% for at in range(fields, fields + extra) %}c{{ at }}{{ ', ' if not loop.last }}{% endfor %}) <> ''
                        then 'row has more fields than the header'
                end as row_fault
            from read_single_csv_file(
                {{ default__text_literal(file.path) }},
                auto_detect = false,
                header = false,
                skip = {{ file.header_lines }},
                delim = {{ default__text_literal(file.delimiter) }},
                quote = '"',
                escape = '"',
                nullstr = '{{ '\ue000' }}',
                strict_mode = true,
                null_padding = true,
                store_rejects = true,
                rejects_table = 'unread_rows',
                rejects_scan = 'unread_scans',
                parallel = {{ 'false' if file.is_serial else 'true' }},
                compression = '{{ 'gzip' if file.is_gzip else 'none' }}',
                encoding = 'utf-8',
                max_line_size = {{ file.longest_row_bytes }},
                buffer_size = {{ 2 * file.longest_row_bytes if file.is_serial else 32000000 }},
                columns = {
                    {%- for at in range(fields + extra) %}'c{{ at }}': 'varchar'{{ ', ' if not loop.last }}{% endfor -%}
                }
            )
        )
{%- endmacro %}

{% macro select_from_parquet(file, wanted) -%}
        select
            row_number() over () as source_row_number,
            {% for column in wanted -%}
                cast("{{ file.columns[column_position(file.columns, column) | int] | replace('"', '""') }}" as string)
                    as "{{ column }}",
            {% endfor -%}
            cast(null as string) as row_fault,
            cast(null as string) as row_text
        from read_single_parquet_file({{ default__text_literal(file.path) }}, binary_as_string = true)
{%- endmacro %}

{# Names are matched without regard to letter case and outer spaces, as bank_segments.client_file matches them. #}
{% macro column_position(columns, wanted) -%}
    {%- for column in columns if column.split() | join(' ') | lower == wanted | lower -%}
        {{- columns.index(column) -}}
    {%- endfor -%}
{%- endmacro %}
