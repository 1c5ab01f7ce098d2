with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

final as (

    select
        client_key,
        {%- for attribute in client_attributes() %}
        {{ attribute.name }},
        {%- endfor %}
        segment_ids
    from clients

)

select * from final
