with

portrait as (

    select * from {{ ref('fct_product_count_portrait') }}

),

metrics as (

    select * from {{ ref('fct_product_count_metrics') }}

),

traits as (

    select * from {{ ref('dim_traits') }}

),

-- Every product count that anyone active has is described by every other category trait.
expected as (

    select
        metrics.product_count,
        traits.trait,
        metrics.active_clients
    from metrics
    cross join traits
    where traits.kind = 'category' and traits.trait <> 'product_count' and metrics.active_clients > 0

),

found as (

    select
        product_count,
        trait,
        sum(clients) as active_clients
    from portrait
    group by product_count, trait

)

select
    expected.*,
    found.*
from expected
full outer join found on expected.product_count = found.product_count and expected.trait = found.trait
where expected.active_clients is distinct from found.active_clients
