{# A band's name from its bounds: <25, 25-34, 65+; money has no "last value below" an upper bound. #}
{% macro band_name(band, kind, below='<', between='-', above='+', thousands='') -%}
    {%- set lower = '{:,}'.format(band.lower_bound or 0) | replace(',', thousands) -%}
    {%- set upper = '{:,}'.format((band.upper_bound or 0) - (1 if kind == 'integer' and band.lower_bound is not none else 0))
        | replace(',', thousands) -%}
    {%- if band.lower_bound is none -%}
        {{- below ~ upper -}}
    {%- elif band.upper_bound is none -%}
        {{- lower ~ above -}}
    {%- else -%}
        {{- lower ~ between ~ upper -}}
    {%- endif -%}
{%- endmacro %}

{# The band of a value: lower bound included, upper bound excluded, NULL for NULL and outside all bands. #}
{% macro band(column_name, bands, kind) -%}
    case
        {%- for row in bands %}
        when {{ column_name }} is not null
            {%- if row.lower_bound is not none %} and {{ column_name }} >= {{ row.lower_bound }}{% endif -%}
            {%- if row.upper_bound is not none %} and {{ column_name }} < {{ row.upper_bound }}{% endif %}
            then '{{ band_name(row, kind) }}'
        {%- endfor %}
    end
{%- endmacro %}
