with

clients as (

    select * from {{ ref('dim_clients') }}

),

-- One row per segment of a client, and one for a client in none.
placed as (

    select
        coalesce(membership.segment_id, 'none') as segment_id,
        clients.client_key,
        clients.is_churned
    from clients
    left join {{ ref('fct_segment_membership') }} as membership on clients.client_key = membership.client_key

),

named as (

    select segment_id
    from {{ ref('dim_segments') }}
    where reason_en is null
    union all
    select distinct 'none' as segment_id
    from clients

),

expected as (

    select
        named.segment_id,
        count(placed.client_key) as clients,
        count(placed.client_key) filter (where placed.is_churned) as churned_clients
    from named
    left join placed on named.segment_id = placed.segment_id
    group by named.segment_id

)

select
    expected.*,
    metrics.*
from expected
full outer join {{ ref('fct_segment_metrics') }} as metrics on expected.segment_id = metrics.segment_id
where
    expected.clients is distinct from metrics.clients
    or expected.churned_clients is distinct from metrics.churned_clients
    or abs(metrics.coverage * (select count(*) from clients) - expected.clients) > 1e-6
    or abs(metrics.churn_rate * expected.clients - expected.churned_clients) > 1e-6
    or (metrics.churn_rate is null) <> (expected.clients = 0)
