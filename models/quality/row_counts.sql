with

row_counts as (

    select * from {{ ref('int_row_counts') }}

),

final as (

    select
        read_rows,
        accepted_rows,
        rejected_rows,
        loyal_churned_clients,
        clients_without_balance
    from row_counts

)

select * from final
