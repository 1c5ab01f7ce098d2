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

{# Whether one of the two positions that such a quantile lies between is among the clients of a value, or of a bucket. #}
{% macro holds_quantile(clients_up_to, clients, all_clients, shares) -%}
    {%- for share in shares -%}
        {%- set position = share ~ ' * (' ~ all_clients ~ ' - 1)' -%}
        {{ ' or ' if not loop.first }}(
            {{- clients_up_to }} > floor({{ position }}) and {{ clients_up_to }} - {{ clients }} <= ceil({{ position }}))
    {%- endfor -%}
{%- endmacro %}

{#
    The bucket of 16,384 whole numbers in which one lies, by the number where it begins, or ends below zero. Of money and
    decimals there are nearly as many values as clients: they are counted in buckets first, and then by value in those
    buckets alone in which a quantile lies, which gives the same quantiles without a sort of all clients.
#}
{% macro bucket_start(number) -%}
    {{ number }} - {{ number }} % 16384
{%- endmacro %}

{#
    Counts by trait, churn, product count (and all of them together) and value, each with the clients of no larger value.
#}
{% macro counts_up_to(relation) -%}
{%- set by_value = 'partition by trait, is_churned, is_every_product_count, product_count order by value_units' -%}
select
    *,
    sum(clients) over ({{ by_value }} rows between unbounded preceding and current row) as clients_up_to,
    sum(clients) over ({{ by_value }} rows between unbounded preceding and unbounded following) as all_clients
from (
    select
        trait,
        units_per_one,
        is_churned,
        product_count,
        grouping(product_count) = 1 as is_every_product_count,
        value_units,
        sum(clients) as clients,
        sum(total_units) as total_units,
        sum(total_squared_units) as total_squared_units,
        min(lowest_units) as lowest_units,
        max(highest_units) as highest_units
    from {{ relation }}
    group by trait, units_per_one, is_churned, value_units, rollup(product_count)
) as counted
{%- endmacro %}

{# Counts by hypothesis, value and flags of populations as counts by hypothesis, population and value, likewise. #}
{% macro clients_up_to(relation, populations) -%}
select
    {{ relation }}.hypothesis_id,
    slices.population,
    {{ relation }}.value_units,
    sum({{ relation }}.clients) as clients,
    sum(sum({{ relation }}.clients)) over (
        partition by {{ relation }}.hypothesis_id, slices.population order by {{ relation }}.value_units
    ) as clients_up_to,
    sum(sum({{ relation }}.clients)) over (
        partition by {{ relation }}.hypothesis_id, slices.population
    ) as all_clients
from {{ relation }}
inner join {{ each_slice(relation, populations) }}
group by {{ relation }}.hypothesis_id, slices.population, {{ relation }}.value_units
{%- endmacro %}

{# The sum of counts where a condition holds, 0 where it never does. #}
{% macro sum_where(counts, condition) -%}
    cast(coalesce(sum({{ counts }}) filter (where {{ condition }}), 0) as bigint)
{%- endmacro %}
