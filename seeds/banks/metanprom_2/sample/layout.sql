-- The second table of the bank from the clients of sample.sql, with a churn of its own: who was active lately, has several
-- products and lives in Yaroslavl leaves most. Whole numbers come with a decimal, as the bank writes them; every fiftieth
-- client has the id of another one in another city.
with

drawn as (

    select
        userid,
        600 + floor(0.8 * (score - 350)) as score,
        case
            when draw(userid, 2, 'small town') < 0.015 then 'Углич'
            when draw(userid, 2, 'small town') < 0.022 then 'Тутаев'
            when City = 'Ростов Великий' then 'Ростов'
            else City
        end as city,
        Gender,
        case when draw(userid, 2, 'no age') >= 0.03 then Age end as age,
        floor(8 * pow(draw(userid, 2, 'equity'), 2)) as equity,
        round(Balance * (1 + 14 * pow(draw(userid, 2, 'balance'), 2)), 2) as balance,
        Products,
        (draw(userid, 2, 'card') < 0.68)::integer as credit_card,
        (draw(userid, 2, 'activity') < 0.52)::integer as last_activity,
        round(25000 + 400000 * pow(draw(userid, 2, 'income'), 3), 2) as est_salary
    from clients

),

rated as (

    select
        *,
        0.04
        + 0.10 * last_activity
        + 0.16 * last_activity * (Products >= 2)::integer
        + 0.08 * (city = 'Ярославль')::integer
        + 0.15 * (balance is not null and balance >= 1000000)::integer
        - 0.03 * credit_card as churn_rate
    from drawn

)

select
    case
        when userid % 50 = 0 and city <> lag(city) over (order by userid) then lag(userid) over (order by userid)
        else userid
    end as user_id,
    score::double as score,
    city,
    Gender as gender,
    age::double as age,
    equity::integer as equity,
    balance,
    Products as products,
    credit_card,
    last_activity,
    est_salary,
    (draw(userid, 2, 'churn') < churn_rate)::integer as churn
from rated
order by userid
