{#
    Whether the bank's table lacks a column that a line of a register names: then the line is not applicable. A column that
    no bank has is a mistake in the register. What is computed from a column is there where the column is.
#}
{% macro is_absent(column_name, register, line, columns) -%}
    {%- set names = [column_name, modules.re.sub('^has_', '', column_name), modules.re.sub('_band$', '', column_name)] -%}
    {#- A unit test has no graph, and its own columns. -#}
    {%- if not graph.nodes or names | select('in', columns) | list -%}
        {%- do return(false) -%}
    {%- endif -%}
    {%- if not names | select('in', columns_of_all_banks()) | list -%}
        {%- do exceptions.raise_compiler_error(
            register ~ '.csv names the column ' ~ column_name ~ ' in the line ' ~ line.values() | map('string') | join(',')
            ~ ', but no bank in seeds/banks has it; correct the name.'
        ) -%}
    {%- endif -%}
    {%- do return(true) -%}
{%- endmacro %}

{# The names of all columns that some bank's register has. #}
{% macro columns_of_all_banks() -%}
    {%- set files = text_literal(graph.nodes['seed.bank_segments.columns'].root_path ~ '/seeds/banks/*/columns.csv') -%}
    {%- do return(run_query('select distinct column_name from ' ~ csv_files(files)).columns[0].values()) -%}
{%- endmacro %}

{# The segments with a rule on a column that the bank's table lacks, by id. #}
{% macro inapplicable_segments() -%}
    {%- set columns = client_columns() | map(attribute='column_name') | list -%}
    {%- set ids = [] -%}
    {%- for rule in seed_rows('segment_rules') if is_absent(rule.column_name, 'segment_rules', rule, columns) -%}
        {%- do ids.append(rule.segment_id) -%}
    {%- endfor -%}
    {%- do return(ids | unique | list) -%}
{%- endmacro %}

{# The hypotheses that compare, group or stratify by a column that the bank's table lacks, by id. #}
{% macro inapplicable_hypotheses() -%}
    {%- set columns = client_columns() | map(attribute='column_name') | list -%}
    {%- set ids = [] -%}
    {%- for row in seed_rows('hypotheses') -%}
        {%- for name in [row.metric_column, row.group_column] + (row.strata or '').split()
            if is_absent(name, 'hypotheses', row, columns) -%}
            {%- do ids.append(row.hypothesis_id) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(ids | unique | list) -%}
{%- endmacro %}

{# The hypotheses that the bank's table allows, each with what it compares and between whom, in SQL, and whether it is about money. #}
{% macro applicable_hypotheses() -%}
    {%- set domains = client_columns() -%}
    {%- set hypotheses = [] -%}
    {%- for row in seed_rows('hypotheses') | rejectattr('hypothesis_id', 'in', inapplicable_hypotheses()) -%}
        {%- do hypotheses.append(dict(
            row, client_group=hypothesis_group(row, domains), **hypothesis_metric(row, domains)
        )) -%}
    {%- endfor -%}
    {%- do return(hypotheses) -%}
{%- endmacro %}
