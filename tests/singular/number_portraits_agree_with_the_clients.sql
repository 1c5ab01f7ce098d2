{#- Named here for dbt, which does not look into a loop over a register while it parses. -#}
{%- do seed_rows('columns') %}
{%- set traits = seed_rows('traits') | selectattr('kind', 'equalto', 'number') | map(attribute='trait') | list %}

with

clients as (

    select * from {{ ref('dim_clients') }}

),

valued as (

    {{ no_rows({
        'trait': 'string', 'is_churned': 'boolean', 'product_count': 'bigint', 'value': 'double'
    }) | indent(4) }}
    {%- for trait in traits %}
    union all
    select
        '{{ trait }}' as trait,
        is_churned,
        {{ product_count() }} as product_count,
        cast({{ trait }} as double) as value
    from clients
    where {{ trait }} is not null
    {%- endfor %}

),

expected as (

    select
        trait,
        if(is_churned, 'churned', 'active') as subset,
        count(*) as clients,
        avg(value) as mean,
        min(value) as minimum,
        max(value) as maximum
    from valued
    group by trait, subset
    union all
    select
        trait,
        cast(product_count as string) as subset,
        count(*) as clients,
        avg(value) as mean,
        min(value) as minimum,
        max(value) as maximum
    from valued
    where not is_churned and product_count is not null
    group by trait, subset

),

found as (

    select
        trait,
        population as subset,
        clients,
        mean,
        standard_deviation,
        p25,
        median,
        p75,
        minimum,
        maximum
    from {{ ref('fct_churn_portrait_numbers') }}
    union all
    select
        trait,
        cast(product_count as string) as subset,
        clients,
        mean,
        standard_deviation,
        p25,
        median,
        p75,
        null as minimum,
        null as maximum
    from {{ ref('fct_product_count_portrait_numbers') }}

)

select
    expected.*,
    found.*
from expected
full outer join found on expected.trait = found.trait and expected.subset = found.subset
where
    expected.clients is distinct from found.clients
    or not coalesce(abs(expected.mean - found.mean) <= 1e-9 * greatest(abs(expected.mean), 1), false)
    or coalesce(found.minimum, expected.minimum) <> expected.minimum
    or coalesce(found.maximum, expected.maximum) <> expected.maximum
    -- Popoviciu: no standard deviation exceeds half the range, which sampling widens by sqrt(n / (n - 1)) at most.
    or found.standard_deviation not between 0 and (expected.maximum - expected.minimum) / sqrt(2) + 1e-9
    or (found.standard_deviation is null) <> (expected.clients = 1)
    or not coalesce(
        expected.minimum <= found.p25
        and found.p25 <= found.median
        and found.median <= found.p75
        and found.p75 <= expected.maximum,
        false
    )
