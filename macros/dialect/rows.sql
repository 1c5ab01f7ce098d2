{# A row of a relation, named by its alias, as one JSON text. #}
{% macro row_as_json(alias) -%}
    {{ return(adapter.dispatch('row_as_json', 'bank_segments')(alias)) }}
{%- endmacro %}

{% macro default__row_as_json(alias) -%}
    cast(to_json({{ alias }}) as varchar)
{%- endmacro %}

{% macro spark__row_as_json(alias) -%}
    to_json(struct({{ alias }}.*), map('ignoreNullFields', 'false'))
{%- endmacro %}

{#
    How a common table expression is defined that each of its readers works out anew. DuckDB would write its rows out
    whole once it is named twice: of a hundred million clients, gigabytes.
#}
{% macro not_materialized() -%}
    {{ return(adapter.dispatch('not_materialized', 'bank_segments')()) }}
{%- endmacro %}

{% macro default__not_materialized() -%}
    not materialized
{%- endmacro %}

{# As Spark does anyhow. #}
{% macro spark__not_materialized() -%}
{%- endmacro %}

{# Fails the query with a sentence. #}
{% macro fail_with(sentence) -%}
    {{ return(adapter.dispatch('fail_with', 'bank_segments')(sentence)) }}
{%- endmacro %}

{% macro default__fail_with(sentence) -%}
    error({{ sentence }})
{%- endmacro %}

{% macro spark__fail_with(sentence) -%}
    raise_error({{ sentence }})
{%- endmacro %}
