{# Text without outer or repeated white space, no-break and invisible spaces included. #}
{% macro single_spaces(column_name) -%}
    trim({{ replace_matches(
        column_name, '[ \\t\\n\\f\\r\\x{00A0}\\x{2007}\\x{2009}\\x{200B}\\x{202F}\\x{FEFF}]+', ' '
    ) }})
{%- endmacro %}

{# The same; empty text, or a word for no value, is NULL. The word null is not in the seed: dbt reads it there as NULL. #}
{% macro clean_text(column_name) -%}
    {%- set text = single_spaces(column_name) -%}
    case
        when not {{ matches('lower(' ~ text ~ ')', '^(null|' ~ notation_words('no_value') ~ ')?\\z') }} then {{ text }}
    end
{%- endmacro %}

{# Digits, with a point or without, that can be read in one way only: as nearly all numbers are. #}
{% macro is_plain_number(column_name) -%}
    {{ matches(column_name, '^[0-9]+([.]([0-9]{1,2}|[0-9]{4,}))?\\z') }}
{%- endmacro %}

{# How number_text may leave a number written; a comma or a point before the only three digits goes two ways. #}
{% macro number_pattern(notation) -%}
    {{- {
        'comma_two_ways': '^[+-]?[1-9][0-9]{0,2},[0-9]{3}\\z',
        'point_two_ways': '^[+-]?[1-9][0-9]{0,2}[.][0-9]{3}\\z',
        'comma_groups': '^[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+([.][0-9]*)?\\z',
        'point_groups': '^[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+(,[0-9]*)?\\z',
        'decimal_comma': '^[+-]?[0-9]+,[0-9]+\\z',
        'decimal_point': '^[+-]?[0-9]+[.][0-9]+\\z',
        'blank_groups': '^[+-]?[1-9][0-9]{0,2}([ \\x{0027}\\x{2019}][0-9]{3})+([.,][0-9]*)?\\z',
    }[notation] -}}
{%- endmacro %}

{# A currency before or after an amount. #}
{% macro currency_pattern() -%}
    {%- set currencies = notation_words('currency') -%}
    ^({{ currencies }}) ?| ?({{ currencies }})\z
{%- endmacro %}

{# The words of cell_notations.csv that stand for a notation, in lower case, as alternatives of a regular expression. #}
{% macro notation_words(notation) -%}
    {%- set words = seed_rows('cell_notations') | selectattr('notation', 'equalto', notation) | map(attribute='word') -%}
    {#- A word comes before those that it begins with. -#}
    {{- words | sort | reverse | join('|') | replace('.', '[.]') | replace('$', '[$]') -}}
{%- endmacro %}

{# A number without the blanks or apostrophes that group its digits; other text as it is. #}
{% macro without_groups(text) -%}
    case
        when {{ matches(text, number_pattern('blank_groups')) }}
            then {{ replace_matches(text, '[ \\x{0027}\\x{2019}]', '') }}
        else {{ text }}
    end
{%- endmacro %}

{#
    Clean text in lower case without a currency and without groups; a plain number as it is. Of a column known to be
    plain no cell is looked at.
#}
{% macro number_text(column_name, decimal_mark=none) -%}
    {%- set text = "replace(lower(" ~ clean_text(column_name) ~ "), '−', '-')" -%}
    case
        {%- if decimal_mark %}
        when {{ decimal_mark }} = 'plain' then {{ column_name }}
        {%- endif %}
        when {{ is_plain_number(column_name) }} then {{ column_name }}
        else {{ without_groups(replace_matches(text, currency_pattern(), '')) }}
    end
{%- endmacro %}

{#
    A text of number_text with a decimal point and nothing else beside its digits; what is no number stays for is_number
    to refuse. The decimal mark is that of the whole column, see stg_bank__number_notations.
#}
{% macro read_number(column_name, decimal_mark) -%}
    case
        when {{ decimal_mark }} = 'plain' then {{ column_name }}
        when {{ decimal_mark }} = '.' and {{ column_name }} not like '%,%' and {{ column_name }} not like '%.%.%'
            then {{ column_name }}
        when {{ matches(column_name, number_pattern('comma_two_ways')) }}
            then replace({{ column_name }}, ',', case when {{ decimal_mark }} = ',' then '.' else '' end)
        when {{ matches(column_name, number_pattern('point_two_ways')) }}
            then replace({{ column_name }}, '.', case when {{ decimal_mark }} = '.' then '.' else '' end)
        when {{ matches(column_name, number_pattern('comma_groups')) }} then replace({{ column_name }}, ',', '')
        when {{ matches(column_name, number_pattern('point_groups')) }}
            then replace(replace({{ column_name }}, '.', ''), ',', '.')
        when {{ matches(column_name, number_pattern('decimal_comma')) }} then replace({{ column_name }}, ',', '.')
        else {{ column_name }}
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

{# A decimal number; digits past its scale are rounded away. #}
{% macro to_decimal(column_name, scale) -%}
    case when {{ is_number(column_name) }} then try_cast({{ column_name }} as decimal(18, {{ scale }})) end
{%- endmacro %}

{#
    The canonical value behind a spelling, in any letter case; NULL where allowed_values.csv knows none. Where it has *,
    any text with a letter stays as it is. The first case holds of nothing: without any there would be no SQL.
#}
{% macro to_allowed_value(column_name, further_synonyms=[]) -%}
    case lower({{ column_name }})
        when null then null
        {%- for row in rules_of(seed_rows('allowed_values'), 'column_name', column_name) if row.value != '*' %}
        when {{ text_literal(row.value | lower) }} then {{ text_literal(row.value) }}
        {%- endfor %}
        {%- for row in rules_of(seed_rows('value_synonyms'), 'column_name', column_name) + further_synonyms %}
        when {{ text_literal(row.raw_value | lower) }} then {{ text_literal(row.value) }}
        {%- endfor %}
        {%- if is_open(column_name) %}
        else case when {{ matches(column_name, '\\p{L}') }} then {{ column_name }} end
        {%- endif %}
    end
{%- endmacro %}

{# Whether a category keeps values that nobody listed. #}
{% macro is_open(column_name) -%}
    {%- do return(
        rules_of(seed_rows('allowed_values'), 'column_name', column_name) | selectattr('value', 'equalto', '*') | list
    ) -%}
{%- endmacro %}

{# What the bank's own registers say of a code comes before what a word means everywhere. #}
{% macro to_flag(column_name) -%}
    {%- set words = [] -%}
    {%- for row in seed_rows('cell_notations') if row.notation in ['true', 'false'] -%}
        {%- do words.append({'raw_value': row.word, 'value': row.notation}) -%}
    {%- endfor -%}
    cast({{ to_allowed_value(column_name, words) }} as boolean)
{%- endmacro %}

{# A column with NULL for what its register counts as no value. #}
{% macro without_missing_values(column) -%}
    {%- set name = column.column_name -%}
    {%- if not column.missing_values -%}
        {{- name -}}
    {%- elif column.is_number -%}
        {%- set values = column.missing_values.split('; ') | join(', ') -%}
        case when coalesce({{ to_decimal(name, 4) }} not in ({{ values }}), true) then {{ name }} end
    {%- else -%}
        {%- set values = [] -%}
        {%- for value in column.missing_values.split('; ') -%}
            {%- do values.append(text_literal(value | lower)) -%}
        {%- endfor -%}
        case when lower({{ name }}) not in ({{ values | join(', ') }}) then {{ name }} end
    {%- endif -%}
{%- endmacro %}

{# The value of a column of the file by its kind; NULL where its text is none. #}
{% macro typed_value(column) -%}
    {%- if column.kind == 'integer' -%}
        {{ to_integer(column.column_name) }}
    {%- elif column.kind == 'money' -%}
        {{ to_decimal(column.column_name, 2) }}
    {%- elif column.kind == 'number' -%}
        {{ to_decimal(column.column_name, 4) }}
    {%- elif column.kind == 'flag' -%}
        {{ to_flag(column.column_name) }}
    {%- elif column.role == 'id' -%}
        {#- Text with a digit: rejected_clients hides digits. -#}
        case when {{ matches(column.column_name, '\\p{N}') }} then {{ column.column_name }} end
    {%- else -%}
        {{ to_allowed_value(column.column_name) }}
    {%- endif -%}
{%- endmacro %}

{# The reasons to reject a row for the values of its columns: SQL expressions that give a reason or NULL. #}
{% macro rejection_reasons(domains) -%}
    {%- set reasons = [] -%}
    {%- for domain in domains | sort(attribute='column_name') -%}
        {%- set column, value = domain.column_name, typed_value(domain) -%}
        {%- set faults = {'missing': column ~ ' is null'} if domain.is_required else {} -%}
        {%- if domain.kind in ['integer', 'money', 'number'] -%}
            {%- set inside = 'coalesce(' ~ value ~ ' between ' ~ domain.minimum ~ ' and ' ~ domain.maximum ~ ', false)' -%}
            {%- do faults.update({
                'not a number': 'not ' ~ is_number(column),
                'outside its domain': is_number(column) ~ ' and not ' ~ inside,
            }) -%}
        {%- else -%}
            {%- do faults.update(unknown=column ~ ' is not null and ' ~ value ~ ' is null') -%}
        {%- endif -%}
        {%- for fault, condition in faults.items() -%}
            {%- do reasons.append('case when ' ~ condition ~ " then '" ~ domain.raw_column ~ ' is ' ~ fault ~ "' end") -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(reasons) -%}
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
