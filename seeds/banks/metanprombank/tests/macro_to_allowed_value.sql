{{- config(tags=['project']) }}
select *
from (
    values
    ('Ж', 'Ж', '1', true),
    ('ж', 'Ж', 'true', true),
    ('F', 'Ж', 'TRUE', true),
    ('жен', 'Ж', '1.0', true),
    -- The Latin letter M, then the Cyrillic one.
    ('M', 'М', '0', false),
    ('м', 'М', 'False', false),
    ('Муж', 'М', '0.0', false),
    ('Д', null, 'maybe', null),
    ('Женский', 'Ж', 'Нет', false),
    ('Male', 'М', 'Y', true),
    ('', null, '2', null),
    (null, null, null, null)
) as cases (gender, expected_gender, is_churned, expected_flag)  -- noqa: AL05
where
    {{ to_allowed_value('gender') }} is distinct from expected_gender
    or {{ to_flag('is_churned') }} is distinct from expected_flag
    or lower(typeof({{ to_flag('is_churned') }})) <> 'boolean'
