{#- The dimensions come first, `is_churned` after them: so whoever reads the cube knows them. -#}
with

cells as (

    select * from {{ ref('int_client_cells') }}

),

final as (

    select
        {%- for trait in seed_rows('traits') | selectattr('is_on_dashboard') | sort(attribute='sort_order') %}
        {{ trait.trait }},
        {%- endfor %}
        segment_ids,
        is_churned,
        cast(sum(clients) as bigint) as clients,
        cast(coalesce(sum(clients) filter (where is_churned), 0) as bigint) as churned_clients,
        cast(sum(age_total) as bigint) as age_total,
        cast(sum(credit_score_total) as bigint) as credit_score_total,
        cast(sum(owned_objects_total) as bigint) as owned_objects_total,
        cast(sum(balance_kopecks_total) as bigint) as balance_kopecks_total,
        cast(sum(estimated_salary_kopecks_total) as bigint) as estimated_salary_kopecks_total
    from cells
    group by all

)

select * from final
