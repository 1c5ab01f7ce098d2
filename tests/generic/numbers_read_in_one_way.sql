{# Every number column has a decimal mark; otherwise a sentence names the column and both readings of a cell. #}
{% test numbers_read_in_one_way(model) %}

{%- set sentence -%}
    'The client file can be read in two ways: ' || two_way_cells || ' cells of its column ' || raw_column
    || ' are like ' || two_way_example || ', which is ' || replace(replace(two_way_example, ',', '.'), '.', '') || ' or '
    || replace(two_way_example, ',', '.')
    || '; export the column without separators of thousands, or with a decimal point and two decimals.'
{%- endset -%}

select *
from {{ model }}
where case when decimal_mark is null then {{ fail_with(sentence) }} end is not null

{% endtest %}
