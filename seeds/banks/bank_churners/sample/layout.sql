-- The public layout with clients made up here; of those of sample.sql only id, age and gender are kept. Who makes fewer
-- transactions, is inactive for longer and has fewer products leaves more often; women a little more than men.
with

drawn as (

    select
        userid,
        Age as age,
        case Gender when 'Ж' then 'F' else 'M' end as gender,
        floor(6 * draw(userid, 3, 'dependents'))::integer as dependents,
        ['Graduate', 'High School', 'Uneducated', 'College', 'Unknown', 'Post-Graduate', 'Doctorate'][
            1 + floor(7 * pow(draw(userid, 3, 'education'), 1.4))::integer
        ] as education,
        ['Married', 'Single', 'Unknown', 'Divorced'][
            1 + floor(4 * pow(draw(userid, 3, 'marital status'), 2))::integer
        ] as marital_status,
        floor(6 * pow(draw(userid, 3, 'income'), if(Gender = 'Ж', 2.2, 1.1)))::integer as income,
        floor(1 + 6 * pow(draw(userid, 3, 'products'), 0.7))::integer as products,
        floor(1 + 5 * pow(draw(userid, 3, 'inactive'), 1.6))::integer as months_inactive,
        floor(6 * pow(draw(userid, 3, 'contacts'), 1.1))::integer as contacts,
        13 + floor(43 * pow(draw(userid, 3, 'months'), 0.8))::integer as months_on_book,
        round(1400 + 30000 * pow(draw(userid, 3, 'limit'), 3), 0) as credit_limit,
        draw(userid, 3, 'quietness') as quietness,
        draw(userid, 3, 'revolving') as revolving
    from clients

),

rated as (

    select
        *,
        least(0.95, greatest(
            0.01,
            0.02
            + 0.45 * pow(quietness, 3)
            + 0.06 * (months_inactive - 1) * quietness
            + 0.10 * (products <= 2)::integer
            + 0.12 * (revolving < 0.25)::integer
            - 0.03 * (gender = 'M')::integer
        )) as churn_rate
    from drawn

),

counted as (

    select
        *,
        draw(userid, 3, 'churn') < churn_rate as churns,
        greatest(10, floor(120 * (1 - 0.75 * quietness) * (0.8 + 0.4 * draw(userid, 3, 'transactions'))))::integer
            as transactions,
        if(revolving < 0.25, 0, least(2517, floor(2600 * revolving))) as revolving_balance
    from rated

)

select
    userid as CLIENTNUM,
    if(churns, 'Attrited Customer', 'Existing Customer') as Attrition_Flag,
    age as Customer_Age,
    gender as Gender,
    dependents as Dependent_count,
    education as Education_Level,
    marital_status as Marital_Status,
    ['Less than $40K', '$40K - $60K', '$60K - $80K', '$80K - $120K', '$120K +', 'Unknown'][1 + income]
        as Income_Category,
    case
        when credit_limit > 31000 then 'Platinum'
        when credit_limit > 26000 then 'Gold'
        when credit_limit > 18000 then 'Silver'
        else 'Blue'
    end as Card_Category,
    months_on_book as Months_on_book,
    products as Total_Relationship_Count,
    months_inactive as Months_Inactive_12_mon,
    contacts as Contacts_Count_12_mon,
    credit_limit as Credit_Limit,
    revolving_balance::integer as Total_Revolving_Bal,
    credit_limit - revolving_balance as Avg_Open_To_Buy,
    round(if(churns, 0.55, 0.6) + 0.4 * draw(userid, 3, 'amount change'), 3) as Total_Amt_Chng_Q4_Q1,
    floor(transactions * (25 + 70 * draw(userid, 3, 'amount')))::integer as Total_Trans_Amt,
    transactions as Total_Trans_Ct,
    round(if(churns, 0.45, 0.6) + 0.4 * draw(userid, 3, 'count change'), 3) as Total_Ct_Chng_Q4_Q1,
    round(least(1, revolving_balance / credit_limit), 3) as Avg_Utilization_Ratio
from counted
order by userid
