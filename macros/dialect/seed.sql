{# In the place of dbt-duckdb's, which takes an apostrophe in the project's path for the end of it. #}
{% macro duckdb__load_csv_rows(model, agate_table) -%}
    {%- set sql -%}
        copy {{ this.render() }} from {{ text_literal(adapter.get_seed_file_path(model)) }} (format csv, header true)
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {{ return(sql) }}
{%- endmacro %}

{# In the place of dbt-spark's, which writes NULL as the text None and leaves quotation marks in text as they are. #}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set sql -%}
        insert into {{ this.render() }} values
        {%- for row in agate_table.rows %}
        (
            {%- for column in agate_table.column_names -%}
                {%- set type = types.get(column, adapter.convert_type(agate_table, loop.index0)) -%}
                cast({{ 'null' if row[column] is none else text_literal(row[column] | string) }} as {{ type }}){{ ', ' if not loop.last }}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {{ return(sql) }}
{%- endmacro %}

{# Some CSV files with headers as one relation, every column as text. #}
{% macro csv_files(files) -%}
    {{ return(adapter.dispatch('csv_files', 'bank_segments')(files)) }}
{%- endmacro %}

{% macro default__csv_files(files) -%}
    read_csv({{ files }}, header = true, all_varchar = true, union_by_name = true)
{%- endmacro %}

{% macro spark__csv_files(files) -%}
    {%- do run_query('create or replace temporary view csv_files using csv options (path ' ~ files ~ ', header true)') -%}
    csv_files
{%- endmacro %}

{# The file of a seed that is not in the warehouse, or empty there: `dbt compile` on a clean checkout, `dbt build --empty`. #}
{% macro unbuilt_seed(node) -%}
    {{ return(adapter.dispatch('unbuilt_seed', 'bank_segments')(node)) }}
{%- endmacro %}

{% macro default__unbuilt_seed(node) -%}
    read_csv({{ text_literal(adapter.get_seed_file_path(node)) }}, header = true, types = {{ node.config.column_types | tojson | replace('"', "'") }})
{%- endmacro %}

{% macro spark__unbuilt_seed(node) -%}
    {%- do exceptions.raise_compiler_error('The seed ' ~ node.name ~ ' is not in the warehouse yet; run `dbt seed` first.') -%}
{%- endmacro %}
