select * from {{ ref('int_clients_segmented') }}
