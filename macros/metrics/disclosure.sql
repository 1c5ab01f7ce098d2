{#
    Whether a group has too few clients to be shown, or too few of its clients left, or too few stayed: its size and its
    churn rate would tell how many. None may be told; a group that cannot be counted may not be shown.
#}
{% macro is_too_small(clients, minimum_clients, churned_clients=none) -%}
    (
        coalesce({{ clients }} < {{ minimum_clients }}, true)
        {%- if churned_clients %}
        or {{ churned_clients }} between 1 and {{ minimum_clients }} - 1
        or {{ clients }} - {{ churned_clients }} between 1 and {{ minimum_clients }} - 1
        {%- endif %}
    )
{%- endmacro %}

{#
    The same for groups whose total is known: a single hidden one would be that total less the others. So the smallest
    are hidden until together they hold enough clients; groups of the same size in the order of `tie_breaker`.
#}
{% macro is_too_small_of_total(clients, minimum_clients, tie_breaker, churned_clients=none, total=none) -%}
    {%- set is_small = is_too_small(clients, minimum_clients, churned_clients) -%}
    {%- set counts = [clients, churned_clients, clients ~ ' - ' ~ churned_clients] if churned_clients else [clients] -%}
    (
        {{ is_small | indent(8) }}
        {%- for count in counts %}
        or coalesce(
            sum({{ count }}) over (
                {% if total %}partition by {{ total }} {% endif %}order by {{ is_small }} desc, {{ clients }}, {{ tie_breaker }}
                rows between unbounded preceding and 1 preceding
            ), 0
        ) between 1 and {{ minimum_clients }} - 1
        {%- endfor %}
    )
{%- endmacro %}
