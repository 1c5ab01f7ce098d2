select
    hypothesis_id,
    null_ru,
    null_en,
    metric_ru,
    metric_en,
    unit_ru,
    unit_en,
    kind,
    group_column,
    first_group,
    second_group,
    alpha,
    sort_order
from {{ ref('hypotheses') }}
