{#
    A quantile interpolated linearly (Hyndman and Fan 1996, type 7) from a group's distinct values, each with the number
    of clients up to and with it: the value at the position share * (clients - 1), counted from 0.
#}
{% macro counted_quantile(value, clients_up_to, all_clients, share) -%}
    {%- set position = share ~ ' * (' ~ all_clients ~ ' - 1)' -%}
    {%- set below = 'min(' ~ value ~ ') filter (where ' ~ clients_up_to ~ ' > floor(' ~ position ~ '))' -%}
    {%- set above = 'min(' ~ value ~ ') filter (where ' ~ clients_up_to ~ ' > ceil(' ~ position ~ '))' -%}
    {{ below }} + ({{ above }} - {{ below }}) * max({{ position }} - floor({{ position }}))
{%- endmacro %}

{# The sum of counts where a condition holds, 0 where it never does. #}
{% macro sum_where(counts, condition) -%}
    cast(coalesce(sum({{ counts }}) filter (where {{ condition }}), 0) as bigint)
{%- endmacro %}
