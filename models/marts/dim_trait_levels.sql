{%- set domains = client_columns() %}

with

allowed_values as (

    select * from {{ ref('allowed_values') }}

),

traits as (

    select * from {{ ref('dim_traits') }}

),

trait_levels as (

    select * from {{ ref('int_trait_levels') }}

),

declared as (

    select
        column_name as trait,
        value as level,
        label_ru,
        label_en,
        sort_order,
        cast(null as string) as rule_lines
    from allowed_values
    {%- for column_name, bands in seed_rows('bands') | groupby('column_name') %}
    {%- set kind = (domains | selectattr('column_name', 'equalto', column_name) | first).kind %}
    {#- From below: the first band has no lower bound. #}
    {%- for row in bands | selectattr('lower_bound', 'none') | list
        + bands | rejectattr('lower_bound', 'none') | sort(attribute='lower_bound') %}
    union all
    select
        '{{ column_name }}_band' as trait,
        '{{ band_name(row, kind) }}' as level,
        '{{ band_name(row, kind, 'до ', '–', ' и больше', ' ') }}' as label_ru,
        '{{ band_name(row, kind, 'under ', '–', ' and over', ',') }}' as label_en,
        {{ loop.index }} as sort_order,
        concat_ws(
            chr(10)
            {%- if row.lower_bound is not none %}, '{{ column_name }},>=,{{ row.lower_bound }}'{% endif %}
            {%- if row.upper_bound is not none %}, '{{ column_name }},<,{{ row.upper_bound }}'{% endif %}
        ) as rule_lines
    {%- endfor %}
    {%- endfor %}

),

present as (

    select distinct
        trait,
        level
    from trait_levels

),

final as (

    select
        present.trait,
        present.level,
        coalesce(declared.label_ru, present.level) as label_ru,
        coalesce(declared.label_en, present.level) as label_en,
        cast(coalesce(declared.sort_order, unlisted.sort_order, try_cast(present.level as int)) as int) as sort_order,
        traits.sort_order as trait_sort_order,
        coalesce(declared.rule_lines, present.trait || ',=,"' || replace(present.level, '"', '""') || '"') as rule_lines
    from present
    left join declared on present.trait = declared.trait and present.level = declared.level
    left join declared as unlisted on present.trait = unlisted.trait and unlisted.level = '*'
    left join traits on present.trait = traits.trait and traits.kind = 'category'

)

select * from final
