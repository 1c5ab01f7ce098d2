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
