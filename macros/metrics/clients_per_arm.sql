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

{#
    The same for telling their ratio from another one: the formula of Farrington and Manning (1990), Statistics in
    Medicine 9, 1447-1454, with the rates as they are for variance.
#}
{% macro clients_per_arm_for_ratio(control_rate, offer_rate, ratio, significance_quantile, power_quantile) -%}
    power({{ significance_quantile }} + {{ power_quantile }}, 2) * (
        {{ offer_rate }} * (1 - {{ offer_rate }}) + power({{ ratio }}, 2) * {{ control_rate }} * (1 - {{ control_rate }})
    ) / nullif(power({{ ratio }} * {{ control_rate }} - {{ offer_rate }}, 2), 0)
{%- endmacro %}
