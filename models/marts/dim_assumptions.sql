select
    assumption,
    name_ru,
    name_en,
    low,
    central,
    high,
    unit_ru,
    unit_en,
    source_ru,
    source_en,
    sort_order
from {{ ref('assumptions') }}
