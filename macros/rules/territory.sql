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

{#
    What a relation is joined to, to have a row for its territory and one for all of them together: whoever has no
    territory is in the latter alone. Spark knows no condition on the groups of a rollup whose name is selected anew.
#}
{% macro each_territory(relation) -%}
    (values (true), (false)) as territories (is_all) on territories.is_all or {{ relation }}.territory is not null
{%- endmacro %}
