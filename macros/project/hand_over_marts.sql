{#
    Runs after a build: gives Python the published models and the seeds, where the warehouse is no file of DuckDB. Of a
    build with a failure, or of a part of the project, nothing is handed over.
#}
{% macro hand_over_marts(results) -%}
    {%- if not execute or flags.WHICH != 'build' or target.type != 'spark' -%}
        {%- do return('') -%}
    {%- endif -%}
    {%- set nodes = graph.nodes.values() | list -%}
    {%- set wanted = nodes | selectattr('resource_type', 'equalto', 'seed') | list
        + nodes | selectattr('access', 'equalto', 'public') | list -%}
    {%- set built = results | selectattr('status', 'equalto', 'success') | map(attribute='node.unique_id') | list -%}
    {%- set failed = results | selectattr('status', 'in', ['error', 'fail', 'skipped']) | list -%}
    {%- set is_whole = not failed and not wanted | map(attribute='unique_id') | reject('in', built) | list -%}
    {%- do adapter.hand_over(wanted if is_whole else []) -%}
{%- endmacro %}
