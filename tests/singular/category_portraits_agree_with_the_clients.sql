{#- Named here for dbt, which does not look into a loop over a register while it parses. -#}
{%- do seed_rows('columns') %}
{%- set traits = seed_rows('traits') | selectattr('kind', 'equalto', 'category') | map(attribute='trait') | list %}

with

clients as (

    select * from {{ ref('int_clients_segmented') }}

),

-- A client without a value, say of a band of balances, is in no level.
valued as (

    {%- for trait in traits %}
    select
        '{{ trait }}' as trait,
        cast({{ trait }} as string) as level,
        {{ product_count() }} as product_count,
        is_churned,
        count(*) as clients
    from clients
    where {{ trait }} is not null
    group by all
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

expected as (

    select
        'everyone' as subset,
        trait,
        level,
        sum(clients) as clients,
        coalesce(sum(clients) filter (where is_churned), 0) as churned_clients
    from valued
    group by trait, level
    union all
    select
        cast(product_count as string) as subset,
        trait,
        level,
        sum(clients) as clients,
        0 as churned_clients
    from valued
    where not is_churned and trait <> 'product_count' and product_count is not null
    group by product_count, trait, level

),

found as (

    select
        'everyone' as subset,
        trait,
        level,
        clients,
        churned_clients
    from {{ ref('fct_churn_portrait') }}
    union all
    select
        cast(product_count as string) as subset,
        trait,
        level,
        clients,
        0 as churned_clients
    from {{ ref('fct_product_count_portrait') }}

)

select
    expected.*,
    found.*
from expected
full outer join found
    on
        expected.subset = found.subset
        and expected.trait = found.trait
        and expected.level = found.level
where
    expected.clients is distinct from found.clients
    or expected.churned_clients is distinct from found.churned_clients
