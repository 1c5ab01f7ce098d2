-- Synthetic clients with the joint structure of the bank's file. No row of that file is here: every number
-- below is a rounded aggregate over many clients.
--
--     create temp table client_numbers as select range::ubigint as client from range(1, 10001);
--     (this file)
--     from sample_clients(seed := 1);
--     from sample_clients(seed := 1, h1_age := 2.0);    -- two-product clients are made two years older
--
-- The client numbers come from a table because DuckDB reads range() with one thread, and a table with all of
-- them.
--
-- The order of the draws: products, city, balance, churn, and then every other trait given churn. In the
-- bank's file the traits are close to independent once churn is known, and such a chain is the same joint
-- distribution as a logistic model of churn with additive effects. Unlike a fitted model it gives each
-- published table back as it stands.

-- A random number depends on nothing but the seed, the client's row number and the name of the draw: threads,
-- batches and the number of rows cannot change it. hash() may change with DuckDB's version, so the mixing is
-- spelled out. It stays within 32 bits because DuckDB raises an error where C would let a 64-bit product
-- overflow (constants: lowbias32).
create or replace temp macro folded(x, bits) as xor(x, x >> bits);

create or replace temp macro scrambled(x) as folded(
    (folded((folded(x, 16) * 2146121005::ubigint) & 4294967295::ubigint, 15) * 2221713035::ubigint)
    & 4294967295::ubigint,
    16
);

-- From 0 inclusive to 1 exclusive. The name's key is a constant, computed once per query.
create or replace temp macro draw(client, seed, name) as scrambled(
    (scrambled(client) + (md5_number_lower(concat_ws(' ', seed, name)) & 4294967295::ubigint))
    & 4294967295::ubigint
) / 4294967296.0e0;

-- The arguments h1_age (years), h2_salary (rubles), h3_rostov_share and h4_churn_share (fractions) plant a
-- known difference: each is added to the mean of two-product clients, and leaves the other columns as they
-- were (but a client who is moved to Ростов Великий has a balance there). With all four at zero it is the
-- plain sample.
create or replace temp macro sample_clients(
    seed,
    h1_age := 0.0,
    h2_salary := 0.0,
    h3_rostov_share := 0.0,
    h4_churn_share := 0.0
) as table (
    with
    -- lives_in_rostov is a share of the product count's clients, has_balance of those who live elsewhere
    -- (everyone in Ростов Великий has a balance), and the last three columns are churn rates.
    product_mix (
        product_count, share, lives_in_rostov, has_balance, churn_no_balance, churn_balance, churn_rostov
    ) as (
        values
            (1, 0.508, 0.265, 0.758, 0.373, 0.174, 0.428),
            (2, 0.459, 0.227, 0.268, 0.033, 0.143, 0.121),
            (3, 0.027, 0.361, 0.424, 0.633, 1.000, 0.896),
            (4, 0.006, 0.400, 0.611, 1.000, 1.000, 1.000)
    ),

    -- Share of clients younger than the age. 35 and 39 are edges of the segments; 93 closes the oldest
    -- interval.
    ages (grid) as (
        values ([18, 21, 24, 27, 30, 33, 35, 37, 39, 41, 43, 45, 48, 51, 55, 60, 65, 70, 75, 80, 93])
    ),

    age_curves (curve, description, shares) as (
        values
            (
                1,
                'active, two products',
                [
                    0, 0.010, 0.038, 0.095, 0.197, 0.328, 0.431, 0.535, 0.639, 0.725, 0.792,
                    0.845, 0.892, 0.920, 0.938, 0.955, 0.972, 0.983, 0.994, 0.998, 1,
                ]
            ),
            (
                2,
                'active, any other product count',
                [
                    0, 0.011, 0.037, 0.094, 0.184, 0.319, 0.419, 0.521, 0.626, 0.714, 0.783,
                    0.829, 0.876, 0.903, 0.925, 0.949, 0.967, 0.982, 0.992, 0.998, 1,
                ]
            ),
            (
                3,
                'churned',
                [
                    0, 0.003, 0.013, 0.030, 0.061, 0.104, 0.143, 0.197, 0.258, 0.337, 0.409,
                    0.487, 0.613, 0.723, 0.832, 0.928, 0.979, 0.993, 0.999, 0.999, 1,
                ]
            )
    ),

    -- Share of clients scored below the number. The one-point interval at the end is the cap, where scores
    -- pile up; hardly anyone scored below 405 stays.
    scores (grid) as (
        values (
            [
                350, 405, 425, 450, 475, 500, 525, 550, 575, 600, 625,
                650, 675, 700, 725, 750, 775, 800, 825, 850, 851,
            ]
        )
    ),

    score_curves (curve, description, shares) as (
        values
            (
                1,
                'active',
                [
                    0, 0.000, 0.004, 0.016, 0.033, 0.061, 0.102, 0.154, 0.217, 0.298, 0.386,
                    0.484, 0.582, 0.683, 0.770, 0.836, 0.892, 0.934, 0.959, 0.976, 1,
                ]
            ),
            (
                2,
                'churned',
                [
                    0, 0.010, 0.016, 0.030, 0.043, 0.074, 0.115, 0.177, 0.241, 0.324, 0.414,
                    0.515, 0.606, 0.694, 0.772, 0.842, 0.897, 0.937, 0.961, 0.979, 1,
                ]
            )
    ),

    -- A draw becomes an age or a score by its place in a list of 10,000 levels a curve, one curve after the
    -- other. A join would do the same, but ten times slower, and it may put the rows into another order.
    knots as (
        select
            'age' as trait,
            age_curves.curve,
            unnest(ages.grid) as value,
            unnest(age_curves.shares) as share
        from age_curves
        cross join ages
        union all
        select
            'score' as trait,
            score_curves.curve,
            unnest(scores.grid) as value,
            unnest(score_curves.shares) as share
        from score_curves
        cross join scores
    ),

    intervals as (
        select
            trait,
            curve,
            value,
            round(10000 * share)::integer as first_level,
            lead(value) over curve_window as next_value,
            round(10000 * lead(share) over curve_window)::integer as next_level
        from knots
        window curve_window as (partition by trait, curve order by value)
    ),

    levels as (
        select
            trait,
            curve,
            unnest(range(first_level, next_level)) as level,
            value + (level + 0.5 - first_level) * (next_value - value) / (next_level - first_level) as value
        from intervals
        where next_level > first_level
    ),

    -- One row: what every client is looked up in.
    lookups as (
        select
            (
                select list(floor(value)::integer order by curve, level)
                from levels
                where trait = 'age'
            ) as age_levels,
            (
                select list(floor(value)::integer order by curve, level)
                from levels
                where trait = 'score'
            ) as score_levels,
            list(lives_in_rostov::double order by product_count) as rostov_shares,
            list(has_balance::double order by product_count) as balance_shares,
            list(churn_no_balance::double order by product_count) as no_balance_rates,
            list(churn_balance::double order by product_count) as balance_rates,
            list(churn_rostov::double order by product_count) as rostov_rates,
            (
                select list(product_count order by product_count)
                from (
                    select
                        product_count,
                        unnest(range(round(1000 * share)::integer))
                    from product_mix
                )
            ) as product_levels
        from product_mix
    ),

    with_products as (
        select
            client_numbers.client,
            lookups.*,
            lookups.product_levels[
                1 + floor(1000 * draw(client, seed, 'products'))::integer
            ] as product_count,
            draw(client, seed, 'rostov') as rostov_draw,
            draw(client, seed, 'balance') as balance_draw
        from client_numbers
        -- A left join keeps the clients on the left, in their order; sides of a cross join may be exchanged.
        left join lookups on true
    ),

    -- Whoever a planted difference moves keeps the churn and the traits of the place that the client came
    -- from: otherwise one planted difference would bring the others with it.
    with_places as (
        select
            *,
            rostov_draw < rostov_shares[product_count] as comes_from_rostov,
            rostov_draw
            < rostov_shares[product_count] + if(product_count = 2, h3_rostov_share, 0) as lives_in_rostov,
            balance_draw < balance_shares[product_count] as has_balance_elsewhere
        from with_products
    ),

    with_rates as (
        select
            *,
            draw(client, seed, 'churn') as churn_draw,
            case
                when comes_from_rostov then rostov_rates[product_count]
                when has_balance_elsewhere then balance_rates[product_count]
                else no_balance_rates[product_count]
            end as churn_rate
        from with_places
    ),

    with_churn as (
        select
            *,
            churn_draw < churn_rate as churns,
            churn_draw < churn_rate + if(product_count = 2, h4_churn_share, 0) as churns_as_planted
        from with_rates
    ),

    with_ages as (
        select
            *,
            age_levels[
                case when churns then 20001 when product_count = 2 then 1 else 10001 end
                + floor(10000 * draw(client, seed, 'age'))::integer
            ] as age
        from with_churn
    )

    -- The ids say that they are synthetic: the bank's own have eight digits and start with 15.
    select
        (90000000 + client)::bigint as userid,
        score_levels[
            if(churns, 10001, 1) + floor(10000 * draw(client, seed, 'score'))::integer
        ] as score,
        case
            when lives_in_rostov then 'Ростов Великий'
            when draw(client, seed, 'town') < 0.669 then 'Ярославль'
            else 'Рыбинск'
        end as "City",
        if(draw(client, seed, 'gender') < if(churns, 0.441, 0.573), 'М', 'Ж') as "Gender",
        -- A shift by a part of a year makes that part of the clients a year older. No client is younger than
        -- 18.
        greatest(
            18,
            age + floor(if(product_count = 2, h1_age, 0) + draw(client, seed, 'age shift'))::integer
        ) as "Age",
        floor(10 * draw(client, seed, 'objects') + 0.5)::integer as "Objects",
        -- Four uniform numbers add up to a bell without tails: no logarithm or cosine, whose last digit
        -- depends on the machine. The factor is the standard deviation (27,000 and 31,900 rubles) times the
        -- square root of three.
        if(
            lives_in_rostov or has_balance_elsewhere,
            floor(
                11985000
                + if(lives_in_rostov, 4680000, 5530000)
                * (
                    draw(client, seed, 'balance 1') + draw(client, seed, 'balance 2')
                    + draw(client, seed, 'balance 3') + draw(client, seed, 'balance 4') - 2
                )
            ) / 100,
            null
        )::double as "Balance",
        product_count as "Products",
        (draw(client, seed, 'credit card') < 0.706)::integer as "CreditCard",
        -- Active clients are the more loyal the older they are; churned clients are not.
        (
            draw(client, seed, 'loyalty')
            < case
                when churns then 0.361
                when age < 50 then 0.519
                when age < 55 then 0.742
                when age < 60 then 0.919
                else 0.958
            end
        )::integer as "Loyalty",
        -- Uniform up to 200,000, whose mean is 100,000: stretching adds the planted mean and keeps salaries
        -- positive.
        round(
            (1 + floor(20000000 * draw(client, seed, 'salary')))
            * (1 + if(product_count = 2, h2_salary, 0) / 100000)
        ) / 100 as estimated_salary,
        churns_as_planted::integer as "Churn"
    from with_ages
);
