{#
    Runs before a build: fills the source bank.clients from BANK_CLIENTS, or from the sample, every column as text.

    A warehouse never mixes two files; it remembers the one it was filled from. Building every model from another file
    drops those of the file before. Building a part keeps the clients that are there, and refuses another file.
    `dbt test` or `dbt docs generate` load nothing.
#}
{% macro load_clients() -%}
    {%- if not execute or flags.WHICH not in ['build', 'run'] -%}
        {%- do return('') -%}
    {%- endif -%}
    {%- set path = env_var('BANK_CLIENTS', '') -%}
    {%- set clients = graph.sources['source.bank_segments.bank.clients'] -%}
    {%- set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list -%}
    {#- `dbt run` builds no seed; staging reads their files, and what is behind it the tables. -#}
    {%- set selected = models | selectattr('unique_id', 'in', selected_resources) -%}
    {%- do refuse_without_registers() if flags.WHICH == 'run' and selected | rejectattr('schema', 'equalto', 'staging') | list -%}
    {%- set is_part = models | map(attribute='unique_id') | reject('in', selected_resources) | list | length > 0 -%}
    {#- The file whose clients are there; none where there are none. -#}
    {%- set loaded_file = warehouse_relation(clients.schema, 'loaded_file') -%}
    {%- set loaded = run_query('select identity from ' ~ loaded_file).rows[0][0] if loaded_file else none -%}
    {%- if is_part and loaded and not path -%}
        {%- do return('') -%}
    {%- endif -%}
    {#- The file must have the columns that loading does not add. -#}
    {%- set wanted = clients.columns.keys() | reject('in', not_in_the_file()) | list -%}
    {%- set file = look_at_client_file(path, env_var('BANK_SHEET', ''), wanted) -%}
    {%- do refuse(file.refusal) if file.refusal -%}
    {#- A proposal for a bank is read by registers that are not finished, as far as staging. -#}
    {%- do refuse(file.contradiction) if file.contradiction and not is_part -%}
    {%- if is_part and loaded -%}
        {%- do refuse(
            'The client file ' ~ file.shown ~ ' is not the one that the warehouse holds, ' ~ loaded
            ~ '; build every model from it, or leave BANK_CLIENTS out to go on with those clients.'
        ) if loaded != file.identity -%}
        {%- do return('') -%}
    {%- endif -%}
    {%- do log('reading ' ~ '{:,}'.format(file.rows) ~ ' rows of ' ~ file.shown, info=true) -%}
    {%- do execute_each([
        'create schema if not exists ' ~ clients.schema,
        'drop table if exists ' ~ clients.schema ~ '.loaded_file',
        'drop table if exists ' ~ clients.schema ~ '.reading_notes',
    ]) -%}
    {%- for model in models if loaded != file.identity -%}
        {%- set relation = warehouse_relation(model.schema, model.alias) -%}
        {%- do adapter.drop_relation(relation) if relation -%}
    {%- endfor -%}
    {%- do fill_clients(clients, file) -%}
    {%- set reading_notes -%}
        create table {{ clients.schema }}.reading_notes as
        select
            other_row as reading,
            cast(min(source_row_number) as string) as subject,
            count(*) as file_rows
        from {{ clients.schema }}.{{ clients.identifier }}
        where other_row is not null
        group by other_row
        {%- for note in file.notes %}
        union all
        select '{{ note.reading }}', {{ text_literal(note.subject) }}, {{ note.file_rows }}
        {%- endfor %}
    {%- endset -%}
    {%- do execute_each([
        reading_notes,
        'create table ' ~ clients.schema ~ '.loaded_file as select ' ~ text_literal(file.identity) ~ ' as identity',
    ]) -%}
    {#- All of it or nothing: a hook's transaction is rolled back where nobody commits it. -#}
    {%- do adapter.commit() -%}
{%- endmacro %}

{% macro refuse_without_registers() -%}
    {%- set columns = warehouse_relation(generate_schema_name('reference', none), 'columns') -%}
    {%- set is_filled = columns and (flags.EMPTY or run_query('select 1 from ' ~ columns ~ ' limit 1').rows | length) -%}
    {%- do refuse('The registers are not in the warehouse; run dbt build, or dbt seed first.') if not is_filled -%}
{%- endmacro %}

{# What loading adds to the columns of the file. #}
{% macro not_in_the_file() -%}
    {%- do return(['source_row_number', 'row_fault', 'row_text', 'other_row']) -%}
{%- endmacro %}

{% macro warehouse_relation(schema, name) -%}
    {%- do return(load_relation(api.Relation.create(database=target.get('database'), schema=schema, identifier=name))) -%}
{%- endmacro %}

{% macro execute_each(statements) -%}
    {%- for text in statements -%}
        {%- call statement() -%}{{ text }}{%- endcall -%}
    {%- endfor -%}
{%- endmacro %}

{% macro refuse(sentence) -%}
    {%- do exceptions.raise_compiler_error(sentence) -%}
{%- endmacro %}

{% macro look_at_client_file(path, sheet, wanted) -%}
    {%- do return(adapter.dispatch('look_at_client_file', 'bank_segments')(path, sheet, wanted)) -%}
{%- endmacro %}

{% macro duckdb__look_at_client_file(path, sheet, wanted) -%}
    {%- do return(fromjson(run_query(
        'select look_at_client_file(' ~ text_literal(path) ~ ', ' ~ text_literal(sheet) ~ ', ' ~ text_literal(tojson(wanted)) ~ ')'
    ).rows[0][0])) -%}
{%- endmacro %}

{% macro spark__look_at_client_file(path, sheet, wanted) -%}
    {%- do return(adapter.look_at_client_file(path, sheet, wanted)) -%}
{%- endmacro %}

{% macro fill_clients(clients, file) -%}
    {%- do adapter.dispatch('fill_clients', 'bank_segments')(clients, file) -%}
{%- endmacro %}

{% macro duckdb__fill_clients(clients, file) -%}
    {%- set relation = clients.schema ~ '.' ~ clients.identifier -%}
    {%- do execute_each(file.before + ['create or replace table ' ~ relation ~ ' as ' ~ file.query]) -%}
    {%- do refuse_unread_rows(
        file,
        run_query('select count(*) from ' ~ relation).rows[0][0] | int,
        run_query(file.unread).rows if file.unread else []
    ) -%}
{%- endmacro %}

{# The same rows, numbered and judged the same: DuckDB reads the file, Spark takes over what it read. #}
{% macro spark__fill_clients(clients, file) -%}
    {%- set loaded, unread = adapter.load_client_file(clients.schema, clients.identifier, file.query, file.unread) -%}
    {%- do refuse_unread_rows(file, loaded, unread) -%}
    {#- Every id as the models may read it, whatever its decimal mark, with its key. No seed is there yet. -#}
    {%- set ids -%}
        select distinct {{ to_integer('number') }} as client_id
        from (
            select {{ read_number('number_text', 'decimal_mark') }} as number
            from (
                select {{ without_groups(single_spaces(clients.columns.keys() | reject('in', not_in_the_file()) | first)) }} as number_text
                from {{ clients.schema }}.{{ clients.identifier }}
            ) as cells
            cross join (values ('.'), (','), ('none')) as marks (decimal_mark)
        ) as numbers
    {%- endset -%}
    {%- do adapter.write_client_keys(clients.schema, ids, duckdb__client_key('client_id')) -%}
{%- endmacro %}

{# DuckDB sets aside the rows that it cannot split, and was seen to forget some: hence the count. #}
{% macro refuse_unread_rows(file, loaded, unread) -%}
    {%- set advice = {
        'UNQUOTED VALUE': 'has a quotation mark inside a cell; double it, or remove it',
        'TOO MANY COLUMNS': 'has far more fields than the header; look for a missing line break there',
    } -%}
    {%- do refuse(
        'The client file ' ~ file.shown ~ ' cannot be split into cells: its row ' ~ unread[0][0] ~ ' '
        ~ advice.get(unread[0][1], 'differs from the others; compare it with the header') ~ '.'
    ) if unread -%}
    {%- do refuse(
        'The client file ' ~ file.shown ~ ' cannot be split into rows: ' ~ file.rows ~ ' were counted and ' ~ loaded
        ~ ' read; look for a quotation mark that is not paired.'
    ) if loaded != file.rows -%}
{%- endmacro %}
