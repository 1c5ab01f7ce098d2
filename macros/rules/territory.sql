{# The column of the territory, by which every hypothesis is looked at once more; NULL where the bank has none. #}
{% macro territory() -%}
    {{- client_columns() | selectattr('role', 'equalto', 'split') | map(attribute='column_name') | first
        | default('cast(null as string)') -}}
{%- endmacro %}

{# Keys of a GROUP BY: each territory, and all of them together. #}
{% macro rollup_of_territory() -%}
    {{- 'rollup(city)' if client_columns() | selectattr('role', 'equalto', 'split') | list else 'city' -}}
{%- endmacro %}

{# The number of products that a client has; NULL where the bank does not say. #}
{% macro product_count() -%}
    {{- 'product_count' if 'product_count' in client_columns() | map(attribute='column_name') else 'cast(null as bigint)' -}}
{%- endmacro %}

{# A count that needs a column; NULL where the bank has no such column. #}
{% macro count_by(column_name, condition) -%}
    {%- if column_name in client_columns() | map(attribute='column_name') -%}
        count(*) filter (where {{ condition }})
    {%- else -%}
        cast(null as bigint)
    {%- endif -%}
{%- endmacro %}
