{# At least one row has no reason against it; otherwise a sentence counts the rows and names the commonest reason. #}
{% test some_rows_accepted(model) %}

{%- set sentence -%}
    coalesce(
        'The client file gave no client: all ' || cast(sum(client_rows) as bigint) || ' rows read were rejected, '
        || max(client_rows) || ' of them because ' || max_by(reasons, client_rows)
        || '; look up the reasons of every row in {{ model.schema }}.{{ model.identifier }} of the warehouse.',
        'The client file gave no client: none of its rows holds one; export it again with the clients.'
    )
{%- endset %}

with

reasons as (

    select
        reasons,
        count(*) as client_rows
    from {{ model }}
    group by reasons

)

-- In the condition, because dbt counts the rows of a test and leaves the columns out.
select count(*) as rejected_rows
from reasons
having
    case
        when {{ 'false' if flags.EMPTY else 'count(*) filter (where reasons is null) = 0' }}
            then {{ fail_with(sentence) }}
    end is not null

{% endtest %}
