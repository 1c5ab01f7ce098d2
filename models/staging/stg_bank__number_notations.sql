{{ config(materialized='table') }}

{%- set numbers = client_columns() | selectattr('is_number') | list %}

with

source as {{ not_materialized() }} (

    select *
    from {{ source('bank', 'clients') }}
    where other_row is null

),

-- All that is not plain: of most files, nothing.
written as (

    {% for domain in numbers -%}
    select
        '{{ domain.column_name }}' as column_name,
        {{ domain.raw_column }} like '%.%' as has_point,
        lower({{ clean_text(domain.raw_column) }}) as cell,
        {{ number_text(domain.raw_column) }} as number_text
    from source
    where not {{ is_plain_number(domain.raw_column) }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

noted as (

    select
        column_name,
        has_point,
        number_text,
        {{ matches('cell', currency_pattern()) }} as has_currency,
        {{ matches('cell', '[0-9][ \\x{0027}\\x{2019}][0-9]') }} as has_blanks,
        case
            {%- for notation in [
                'comma_two_ways', 'point_two_ways', 'comma_groups', 'point_groups', 'decimal_comma', 'decimal_point'
            ] %}
            when {{ matches('number_text', number_pattern(notation)) }} then '{{ notation }}'
            {%- endfor %}
        end as notation
    from written

),

counted as (

    select
        column_name,
        count(*) filter (where has_point) as cells_with_point,
        count(*) filter (where number_text is null) as no_value_cells,
        count(*) filter (where has_currency) as currency_cells,
        count(*) filter (where has_blanks or notation in ('comma_groups', 'point_groups')) as grouped_cells,
        count(*) filter (where notation in ('decimal_comma', 'point_groups')) as comma_cells,
        count(*) filter (where notation in ('decimal_point', 'comma_groups')) as decimal_points,
        count(*) filter (where notation in ('comma_two_ways', 'point_two_ways')) as two_way_cells,
        -- Its shape, for a cell is a client's.
        min(case notation when 'comma_two_ways' then '1,234' when 'point_two_ways' then '1.234' end) as two_way_example
    from noted
    group by column_name

),

with_point as (

    {% for domain in numbers -%}
    select
        '{{ domain.column_name }}' as column_name,
        '{{ domain.raw_column }}' as raw_column,
        '{{ domain.kind }}' as kind,
        count(*) as cells
    from source
    where {{ domain.raw_column }} like '%.%'
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

final as (

    select
        with_point.column_name,
        with_point.raw_column,
        -- Each plain cell with a point, and those others whose point is decimal.
        with_point.cells - coalesce(counted.cells_with_point - counted.decimal_points, 0) as point_cells,
        coalesce(counted.comma_cells, 0) as comma_cells,
        coalesce(counted.grouped_cells, 0) as grouped_cells,
        coalesce(counted.currency_cells, 0) as currency_cells,
        coalesce(counted.no_value_cells, 0) as no_value_cells,
        coalesce(counted.two_way_cells, 0) as two_way_cells,
        counted.two_way_example,
        case
            when counted.column_name is null then 'plain'
            when counted.two_way_cells > 0 and counted.comma_cells > 0 and point_cells > 0 then null
            when counted.comma_cells > 0 and point_cells = 0 then ','
            when point_cells > 0 or counted.two_way_cells = 0 then '.'
            when with_point.kind = 'integer' then 'none'
        end as decimal_mark
    from with_point
    left join counted on with_point.column_name = counted.column_name

)

select * from final
