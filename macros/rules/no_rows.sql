{# No row, but the columns, with which a union begins of what the registers name: they may name nothing of the kind. #}
{% macro no_rows(types) -%}
select
    {%- for name, type in types.items() %}
    {{ wide_integer('null') if type == 'wide' else 'cast(null as ' ~ type ~ ')' }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
where false
{%- endmacro %}
