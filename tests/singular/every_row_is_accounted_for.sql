with

counted as (

    select
        (
            select count(*)
            from {{ source('bank', 'clients') }} as source_rows
            -- A total or a blank row is no client: the notes on the reading tell of it.
            where source_rows.other_row is null
        ) as in_source,
        (select count(*) from {{ ref('stg_bank__client_rows') }}) as in_staging,
        (select count(*) from {{ ref('dim_clients') }}) as in_clients,
        (select count(*) from {{ ref('rejected_clients') }}) as in_rejected,
        (select count(nullif(rejected.reasons, '')) from {{ ref('rejected_clients') }} as rejected) as with_reasons,
        count(*) as rows_of_counts,
        sum(row_counts.read_rows) as read_rows,
        sum(row_counts.accepted_rows) as accepted_rows,
        sum(row_counts.rejected_rows) as rejected_rows
    from {{ ref('row_counts') }} as row_counts

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
