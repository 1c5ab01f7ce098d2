select *
from (
    values
    -- power.prop.test(p1 = 0.50, p2 = 0.75, power = 0.90), the example of R's page of help: n = 76.7.
    (0.5e0, 0.75e0, 1.959963984540054e0, 1.2815515655446004e0, 76.7e0),
    -- power.prop.test(n = 50, p1 = 0.50, power = 0.90), likewise: p2 = 0.8026.
    (0.5e0, 0.8026e0, 1.959963984540054e0, 1.2815515655446004e0, 50.0e0),
    -- power.prop.test(p1 = 0.15, p2 = 0.30, power = 0.80): n = 120.5.
    (0.15e0, 0.3e0, 1.959963984540054e0, 0.8416212335729143e0, 120.5e0),
    -- power.prop.test(p1 = 0.10, p2 = 0.05, power = 0.80): n = 434.4.
    (0.1e0, 0.05e0, 1.959963984540054e0, 0.8416212335729143e0, 434.4e0)
) as cases (control_rate, offer_rate, z_significance, z_power, expected)
where
    not coalesce(
        abs({{ clients_per_arm('control_rate', 'offer_rate', 'z_significance', 'z_power') }} - expected) <= 0.05, false
    )
    or {{ clients_per_arm('control_rate', 'control_rate', 'z_significance', 'z_power') }} is not null
