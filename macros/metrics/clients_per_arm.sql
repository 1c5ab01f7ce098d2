{#
    How many clients each of two arms needs so that a two-sided test of two proportions tells these rates apart: the
    formula that R's power.prop.test solves (Fleiss, Levin and Paik 2003, 4.2, without continuity correction). Not a
    whole number; NULL where the rates are the same.
#}
{% macro clients_per_arm(control_rate, offer_rate, significance_quantile, power_quantile) -%}
    power(
        (
            {{ significance_quantile }} * sqrt(
                ({{ control_rate }} + {{ offer_rate }}) * (2 - {{ control_rate }} - {{ offer_rate }}) / 2
            )
            + {{ power_quantile }} * sqrt(
                {{ control_rate }} * (1 - {{ control_rate }}) + {{ offer_rate }} * (1 - {{ offer_rate }})
            )
        ) / nullif({{ control_rate }} - {{ offer_rate }}, 0), 2
    )
{%- endmacro %}
