{# The condition in SQL that some rules are for each segment that the bank's table allows, by its id. #}
{% macro segment_conditions(rules) -%}
    {%- set conditions = {} -%}
    {%- for row in seed_rows('segments') | rejectattr('segment_id', 'in', inapplicable_segments()) -%}
        {%- do conditions.update({row.segment_id: predicate(rules_of(rules, 'segment_id', row.segment_id))}) -%}
    {%- endfor -%}
    {%- do return(conditions) -%}
{%- endmacro %}

{# The ids of the segments whose condition holds, separated by commas. #}
{% macro segment_ids(conditions) -%}
    concat_ws(
        ',',
        cast(null as string)
        {%- for segment_id, condition in conditions.items() %},
        case when {{ condition }} then '{{ segment_id }}' end
        {%- endfor %}
    )
{%- endmacro %}
