{#
    Wilson score interval of a rate (Wilson 1927; Brown, Cai and DasGupta 2001, formula 4).
    NULL without clients; exactly 0 or 1 at the ends, where rounding would leave the range.
#}
{% macro wilson_low(part, whole) -%}
    case
        when {{ part }} = 0 and {{ whole }} > 0 then 0.0e0
        else {{ _wilson_bound(part, whole, '-') }}
    end
{%- endmacro %}

{% macro wilson_high(part, whole) -%}
    case
        when {{ part }} = {{ whole }} and {{ whole }} > 0 then 1.0e0
        else {{ _wilson_bound(part, whole, '+') }}
    end
{%- endmacro %}

{% macro _wilson_bound(part, whole, sign) -%}
    {%- set z = var('interval_z') -%}
    {%- set n = 'cast(nullif(' ~ whole ~ ', 0) as double)' -%}
    (
        {{ rate(part, whole) }} + {{ z }} * {{ z }} / (2 * {{ n }})
        {{ sign }} {{ z }} * sqrt(
            {{ rate(part, whole) }} * (1 - {{ rate(part, whole) }}) / {{ n }}
            + {{ z }} * {{ z }} / (4 * {{ n }} * {{ n }})
        )
    ) / (1 + {{ z }} * {{ z }} / {{ n }})
{%- endmacro %}
