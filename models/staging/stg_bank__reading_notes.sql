with

source as (

    select * from {{ source('bank', 'reading_notes') }}

),

final as (

    select
        reading,
        subject,
        file_rows
    from source

)

select * from final
