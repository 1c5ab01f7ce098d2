{# Text without outer or repeated white space (no-break space included); empty text is NULL. #}
{% macro clean_text(column_name) -%}
    nullif(trim({{ replace_matches(column_name, '[ \\t\\n\\f\\r\\x{00A0}]+', ' ') }}), '')
{%- endmacro %}

{#
    Clean text with a decimal comma turned into a point. Only before one or two digits: 1,234 may as well be a thousand,
    and stays what is_number refuses. Text that is a plain number, as nearly all is, has nothing to clean.
#}
{% macro clean_number(column_name) -%}
    case
        when {{ matches(column_name, '^[0-9]+([.][0-9]+)?\\z') }} then {{ column_name }}
        else {{ replace_matches(clean_text(column_name), '^([+-]?[0-9]+),([0-9]{1,2})\\z', '\\1.\\2') }}
    end
{%- endmacro %}

{# A plain or scientific decimal number; NaN, inf and thousands separators are not numbers here. #}
{% macro is_number(column_name) -%}
    {{ matches(column_name, '^[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?\\z') }}
{%- endmacro %}

{#
    NULL where the text is no whole number: a cast would round 17.5 to 18. Digits alone, of which 18 fit, go without the
    decimals that a fraction or an exponent needs, and that are slow.
#}
{% macro to_integer(column_name) -%}
    case
        when {{ matches(column_name, '^[0-9]{1,18}\\z') }} then try_cast({{ column_name }} as bigint)
        when {{ is_number(column_name) }}
            and try_cast({{ column_name }} as decimal(38, 10)) = floor(try_cast({{ column_name }} as decimal(38, 10)))
            then try_cast(try_cast({{ column_name }} as decimal(38, 10)) as bigint)
    end
{%- endmacro %}

{# Rubles with kopecks; further digits are rounded away. #}
{% macro to_money(column_name) -%}
    case when {{ is_number(column_name) }} then try_cast({{ column_name }} as decimal(18, 2)) end
{%- endmacro %}

{# The canonical value behind a spelling, in any letter case; NULL where allowed_values.csv knows none. #}
{% macro to_allowed_value(column_name) -%}
    case lower({{ column_name }})
        {%- for row in seed_rows('allowed_values') if row.column_name == column_name %}
        when '{{ row.value | lower | replace("'", "''") }}' then '{{ row.value | replace("'", "''") }}'
        {%- endfor %}
        {%- for row in seed_rows('value_synonyms') if row.column_name == column_name %}
        when '{{ row.raw_value | lower | replace("'", "''") }}' then '{{ row.value | replace("'", "''") }}'
        {%- endfor %}
    end
{%- endmacro %}

{% macro to_flag(column_name) -%}
    cast({{ to_allowed_value(column_name) }} as boolean)
{%- endmacro %}

{# The reasons to reject a row for the values of its columns: SQL expressions that give a reason or NULL. #}
{% macro rejection_reasons(domains) -%}
    {%- set reasons = [] -%}
    {%- for domain in domains -%}
        {%- set column = domain.column_name -%}
        {%- if domain.is_required -%}
            {%- do reasons.append(reason_when(column ~ ' is null', domain.raw_column ~ ' is missing')) -%}
        {%- endif -%}
        {%- if domain.kind in ['integer', 'money'] -%}
            {%- set value = to_integer(column) if domain.kind == 'integer' else to_money(column) -%}
            {%- set inside = 'coalesce(' ~ value ~ ' between ' ~ domain.minimum ~ ' and ' ~ domain.maximum ~ ', false)' -%}
            {%- do reasons.append(reason_when('not ' ~ is_number(column), domain.raw_column ~ ' is not a number')) -%}
            {%- do reasons.append(reason_when(
                is_number(column) ~ ' and not ' ~ inside, domain.raw_column ~ ' is outside its domain'
            )) -%}
        {%- else -%}
            {%- do reasons.append(reason_when(
                column ~ ' is not null and ' ~ to_allowed_value(column) ~ ' is null', domain.raw_column ~ ' is unknown'
            )) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(reasons) -%}
{%- endmacro %}

{% macro reason_when(condition, reason) -%}
    case when {{ condition }} then '{{ reason }}' end
{%- endmacro %}

{#
    What may be published of a rejected row's cell, which may hold any row's id: a row may be shifted. Text that has as
    many digits as the shortest id, wherever they stand in it, shows none of them; an exponent stands for more digits.
#}
{% macro without_ids(column_name, fewest_digits) -%}
    case
        when length({{ replace_matches(column_name, '\\P{N}', '') }}) < {{ fewest_digits }}
            and not {{ matches(column_name, '[0-9.][eE][+-]?[0-9]') }}
            then {{ column_name }}
        else {{ replace_matches(column_name, '\\p{N}', '#') }}
    end
{%- endmacro %}
