{# The estimate lies in its interval, the interval within the bounds; all three are there or none of them. #}
{% test is_interval(model, estimate, low, high, minimum=0, maximum=1) %}

select
    {{ estimate }},
    {{ low }},
    {{ high }}
from {{ model }}
where
    ({{ estimate }} is null) <> ({{ low }} is null)
    or ({{ estimate }} is null) <> ({{ high }} is null)
    or {{ low }} > {{ estimate }}
    or {{ estimate }} > {{ high }}
    or {{ low }} < {{ minimum }}
    or {{ high }} > {{ maximum }}

{% endtest %}
