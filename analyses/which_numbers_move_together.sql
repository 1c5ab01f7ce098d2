{#- Mid-ranks are taken within each pair of traits, because a client without a balance is in no pair with it. -#}
{%- set numbers = seed_rows('traits') | selectattr('kind', 'equalto', 'number') | map(attribute='trait') | sort %}

with

clients as (

    select * from {{ ref('dim_clients') }}

),

pairs as (

    {%- for first in numbers %}
    {%- set outer_loop = loop %}
    {%- for second in numbers if first < second %}
    select
        '{{ first }}' as trait,
        '{{ second }}' as other_trait,
        cast({{ first }} as double) as value,
        cast({{ second }} as double) as other_value
    from clients
    where {{ first }} is not null and {{ second }} is not null
    {%- if not (loop.last and outer_loop.revindex == 2) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

),

ranked as (

    select
        trait,
        other_trait,
        value,
        other_value,
        rank() over (partition by trait, other_trait order by value)
        + (count(*) over (partition by trait, other_trait, value) - 1) / 2.0e0 as value_rank,
        rank() over (partition by trait, other_trait order by other_value)
        + (count(*) over (partition by trait, other_trait, other_value) - 1) / 2.0e0 as other_value_rank
    from pairs

),

final as (

    select
        trait,
        other_trait,
        count(*) as clients,
        corr(value, other_value) as pearson,
        corr(value_rank, other_value_rank) as spearman
    from ranked
    group by trait, other_trait

)

select * from final
order by trait, other_trait
