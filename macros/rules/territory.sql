{# The column that has a role of which a bank has one at most; none where the bank has none. #}
{% macro column_of_role(role) -%}
    {%- do return(client_columns() | selectattr('role', 'equalto', role) | map(attribute='column_name') | first | default(none)) -%}
{%- endmacro %}

{# The column of the territory, by which every hypothesis is looked at once more; NULL where the bank has none. #}
{% macro territory() -%}
    {{- column_of_role('split') or 'cast(null as string)' -}}
{%- endmacro %}

{# The number of products, NULL where the bank does not count them. #}
{% macro product_count() -%}
    {{- column_of_role('product_count') or 'cast(null as bigint)' -}}
{%- endmacro %}
