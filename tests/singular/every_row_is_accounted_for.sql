with

source_rows as (

    select *
    from {{ source('bank', 'clients') }}
    -- A total or a blank row is no client: the notes on the reading tell of it.
    where other_row is null

),

client_rows as (

    select * from {{ ref('stg_bank__client_rows') }}

),

clients as (

    select * from {{ ref('dim_clients') }}

),

rejected_clients as (

    select * from {{ ref('rejected_clients') }}

),

row_counts as (

    select * from {{ ref('row_counts') }}

),

counted as (

    select
        (select count(*) from source_rows) as in_source,
        (select count(*) from client_rows) as in_staging,
        (select count(*) from clients) as in_clients,
        (select count(*) from rejected_clients) as in_rejected,
        (select count(nullif(rejected_clients.reasons, '')) from rejected_clients) as with_reasons,
        (select count(*) from row_counts) as rows_of_counts,
        (select sum(row_counts.read_rows) from row_counts) as read_rows,
        (select sum(row_counts.accepted_rows) from row_counts) as accepted_rows,
        (select sum(row_counts.rejected_rows) from row_counts) as rejected_rows

)

select *
from counted
where
    rows_of_counts <> least(in_source, 1)
    or in_source <> in_staging
    or in_source <> read_rows
    or read_rows <> accepted_rows + rejected_rows
    or accepted_rows <> in_clients
    or rejected_rows <> in_rejected
    or rejected_rows <> with_reasons
