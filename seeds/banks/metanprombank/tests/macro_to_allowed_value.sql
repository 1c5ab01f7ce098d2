{{- config(tags=['project']) }}
with

cases as (

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

),

actual as (

    select
        *,
        {{ to_allowed_value('gender') }} as actual_gender,
        {{ to_flag('is_churned') }} as actual_flag
    from cases

)

select *
from actual
where
    actual_gender is distinct from expected_gender
    or actual_flag is distinct from expected_flag
    or lower(typeof(actual_flag)) <> 'boolean'
