with

cells as (

    select * from {{ ref('int_client_cells') }}

),

segments as (

    select * from {{ ref('segments') }}

),

-- From the segments, not from the clients: a segment without clients has a row, too.
named as (

    select segment_id
    from segments
    union all
    select 'none' as segment_id

),

final as (

    select
        named.segment_id,
        {%- set is_applicable = 'not ' ~ is_one_of('named.segment_id', inapplicable_segments()) %}
        case when {{ is_applicable }} then cast(coalesce(sum(cells.clients), 0) as bigint) end as clients,
        case
            when {{ is_applicable }}
                then cast(coalesce(sum(cells.clients) filter (where cells.is_churned), 0) as bigint)
        end as churned_clients
    from named
    left join cells
        on
            case
                when cells.segment_ids = '' then named.segment_id = 'none'
                else {{ has_part('cells.segment_ids', ',', 'named.segment_id') }}
            end
    group by named.segment_id

)

select * from final
