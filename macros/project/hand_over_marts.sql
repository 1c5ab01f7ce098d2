{# Runs after a build: gives Python the published models and the seeds, where the warehouse is no file of DuckDB. #}
{% macro hand_over_marts(results) -%}
    {%- if execute and flags.WHICH == 'build' -%}
        {%- do adapter.dispatch('hand_over_marts', 'bank_segments')(results) -%}
    {%- endif -%}
{%- endmacro %}

{% macro default__hand_over_marts(results) -%}
{%- endmacro %}

{# Of a build with a failure, or of a part of the project, nothing is handed over. #}
{% macro spark__hand_over_marts(results) -%}
    {%- set nodes = graph.nodes.values() | list -%}
    {%- set wanted = nodes | selectattr('resource_type', 'equalto', 'seed') | list
        + nodes | selectattr('access', 'equalto', 'public') | list -%}
    {%- set built = results | selectattr('status', 'equalto', 'success') | map(attribute='node.unique_id') | list -%}
    {%- set failed = results | selectattr('status', 'in', ['error', 'fail', 'skipped']) | list -%}
    {%- set is_whole = not failed and not wanted | map(attribute='unique_id') | reject('in', built) | list -%}
    {%- do adapter.hand_over(wanted if is_whole else []) -%}
{%- endmacro %}
