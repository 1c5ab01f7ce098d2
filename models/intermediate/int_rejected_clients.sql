with

rejected_rows as (

    select * from {{ ref('stg_bank__rejected_rows') }}

),

final as (

    select * from rejected_rows

)

select * from final
