{# Whether a group has too few clients to be shown; one that cannot be counted has. #}
{% macro is_too_small(clients, minimum_clients) -%}
    coalesce({{ clients }} < {{ minimum_clients }}, true)
{%- endmacro %}

{#
    The same for groups whose total is known: a single hidden one would be that total less the others. So the smallest
    are hidden until together they hold enough clients; groups of the same size in the order of `tie_breaker`.
#}
{% macro is_too_small_of_total(clients, minimum_clients, tie_breaker, total=none) -%}
    (
        {{ is_too_small(clients, minimum_clients) }}
        or coalesce(
            sum({{ clients }}) over (
                {% if total %}partition by {{ total }} {% endif %}order by {{ clients }}, {{ tie_breaker }}
                rows between unbounded preceding and 1 preceding
            ), 0
        ) between 1 and {{ minimum_clients }} - 1
    )
{%- endmacro %}
