"""The written findings say what the marts flag and nothing else, and any input gives whole sentences."""

import re
from dataclasses import fields, replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from bank_segments.marts import RELATIONS, Marts, hypothesis_rows, marts_from
from bank_segments.outputs.conclusions import conclusions
from bank_segments.words import LANGUAGES, Language, words_of
from output_cases import BROKEN, ODD, odd_marts, printed, with_random_numbers

HYPOTHESIS_FACTS = ("fct_hypothesis_results", "fct_hypothesis_effects", "fct_hypothesis_sensitivity")


def text_of(marts: Marts, language: Language = "en", input_name: str = "clients.csv") -> str:
    return conclusions(marts, language, input_name=input_name, is_synthetic=False)


def section(marts: Marts, heading: str) -> str:
    """One section in English."""
    return text_of(marts).partition(f"## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("case", ["sample", "random numbers", *ODD])
def test_any_input_gives_whole_sentences_with_the_same_numbers_in_both_languages(
    marts: Marts, case: str
) -> None:
    cases = {"sample": marts, "random numbers": with_random_numbers(marts, 0)} | odd_marts(marts)
    texts = {language: text_of(cases[case], language) for language in LANGUAGES}
    for text in texts.values():
        assert BROKEN.search(text) is None
        assert not re.search(r"—, |\.\.| {2}|\n\n\n", text)
        assert text.count("\n## ") == 14
        html = MarkdownIt().render(text)
        assert not re.search("<script|<img|<a ", html)
    assert printed(texts["ru"], "ru") == printed(texts["en"], "en")


def test_file_name_is_shown_as_text(marts: Marts) -> None:
    name = "a_b*c*<img src=x onerror=1>[l](http://x)`&amp;\n# big.csv"
    html = MarkdownIt().render(text_of(marts, input_name=name))
    assert not re.search("<img|<a ", html)
    assert html.count("<h1>") == 1
    assert "a_b*c*&lt;img src=x onerror=1&gt;[l](http://x)`&amp;amp; # big.csv" in html


def test_names_from_the_registers_are_shown_as_text(marts: Marts) -> None:
    """As they are: with no escape of HTML in the Markdown but what the page takes back, and with no markup."""
    name = 'Ivan\'s <b>*first*</b> & "co"'
    named = ("dim_segments", "fct_segment_candidates", "client_notes")
    case = replace(marts, **{each: getattr(marts, each).assign(name_ru=name, name_en=name) for each in named})
    for language in LANGUAGES:
        text = text_of(case, language)
        assert not re.search("&#|&quot;|<b>", text)
        html = MarkdownIt().render(text)
        assert "<b>" not in html
        said = html.count("Ivan's &lt;b&gt;*first*&lt;/b&gt; &amp; &quot;co&quot;")
        assert said == html.count("Ivan") > len(marts.client_notes) + 2 * len(marts.dim_segments)


# The marts decide: a text follows a flag against the figures beside it


def bullets(text: str) -> list[str]:
    return re.findall(r"^- (.*)$", text, re.MULTILINE)


def test_levels_stand_out_by_their_rank(marts: Marts) -> None:
    portrait = marts.fct_churn_portrait
    lowest = portrait.sort_values("churn_rate_high").head(2).index
    ranked = portrait.assign(standout_rank=pd.Series([2, 1], lowest, "Int32"))
    said = bullets(section(replace(marts, fct_churn_portrait=ranked), "Who leaves"))
    words = words_of(marts, "en")
    names = [words.trait_level(row["trait"], row["level"]) for _, row in portrait.loc[lowest].iterrows()]
    assert [line.partition("**: ")[0] for line in said[:2]] == [f"**{name}" for name in reversed(names)]
    assert not said[2].startswith("**")


def test_a_conclusion_is_the_marts(marts: Marts) -> None:
    results = marts.fct_hypothesis_results
    words = {
        "different": "is rejected: the groups differ",
        "negligible": "is rejected, but",
        "equivalent": "shows equivalence",
        "inconclusive": "the data do not decide",
    }
    is_tested = results["conclusion"] != "not_tested"
    for conclusion, sentence in words.items():
        case = replace(
            marts,
            fct_hypothesis_results=results.assign(
                conclusion=results["conclusion"].mask(is_tested, conclusion)
            ),
        )
        told = [line for line in bullets(section(case, "Hypotheses")) if line.startswith("**")]
        assert len(told) == len(hypothesis_rows(marts))
        told = [line for line in told if "the hypothesis was not tested" not in line]
        assert len(told) == (is_tested & results["is_primary"]).sum()
        assert all(sentence in line for line in told)
        assert not any(re.search(r"\bequal\b|\bidentical\b|\bno difference\b", line) for line in told)
        others = {words[other] for other in words if other != conclusion}
        assert not any(other in line for line in told for other in others)


def test_other_tests_decide_as_the_mart_says(marts: Marts) -> None:
    results = marts.fct_hypothesis_results
    for decision, said in ((True, "The same decision follows"), (False, "Another decision follows")):
        case = results.assign(
            has_primary_decision=results["has_primary_decision"].mask(~results["is_primary"], decision)
        )
        text = section(replace(marts, fct_hypothesis_results=case), "Hypotheses")
        assert said in text
        assert text.count("decision follows") == text.count(said)


def test_what_flips_is_flagged(marts: Marts) -> None:
    changes, flips = "What changes between the populations", "Where a verdict flips"
    results = marts.fct_hypothesis_results.assign(is_flipped=False)
    tests = marts.fct_hypothesis_sensitivity.assign(is_flipped=False)
    steady = replace(marts, fct_hypothesis_results=results, fct_hypothesis_sensitivity=tests)
    assert bullets(section(steady, changes)) == bullets(section(steady, flips)) == []
    metrics = marts.dim_hypotheses.set_index("hypothesis_id")["metric_en"]
    results, tests = results.copy(), tests.copy()
    at = results.index[results["is_primary"]][-1]
    results.loc[at, "is_flipped"] = tests.loc[len(tests) - 1, "is_flipped"] = True
    case = replace(marts, fct_hypothesis_results=results, fct_hypothesis_sensitivity=tests)
    (change,), (flip,) = bullets(section(case, changes)), bullets(section(case, flips))
    assert change.startswith(metrics[results.loc[at, "hypothesis_id"]])
    population = marts.dim_populations.set_index("population")["name_en"][tests["population"].iloc[-1]]
    assert flip.startswith(f"{population}: ")
    assert f"**{metrics[tests['hypothesis_id'].iloc[-1]]}**" in section(case, flips)


def test_a_rate_set_by_a_rule_is_no_finding(marts: Marts) -> None:
    for is_set in (True, False):
        case = marts.fct_segment_metrics.assign(is_churn_set_by_rule=is_set)
        said = section(replace(marts, fct_segment_metrics=case), "Segments")
        assert said.count("so it says nothing about the risk") == (len(case) if is_set else 0)


def test_the_most_common_level_and_the_order_of_proposals_are_the_marts(marts: Marts) -> None:
    portrait = marts.fct_product_count_portrait
    is_rarest = portrait.groupby(["product_count", "trait"])["share"].transform("min") == portrait["share"]
    usual = section(
        replace(marts, fct_product_count_portrait=portrait.assign(is_most_common=is_rarest)),
        "Portrait by number of products",
    )
    assert f"({100 * portrait['share'][is_rarest].iloc[0]:.1f}%)" in usual
    proposals = marts.fct_retention_proposals
    turned = proposals.assign(proposal_rank=len(proposals) + 1 - proposals["proposal_rank"])
    titles = re.findall("^### .*$", section(marts, "Proposals against churn"), re.MULTILINE)
    case = replace(marts, fct_retention_proposals=turned)
    assert re.findall("^### .*$", section(case, "Proposals against churn"), re.MULTILINE) == titles[::-1]


def test_small_groups_are_not_shown(marts: Marts) -> None:
    def small(frame: pd.DataFrame) -> pd.DataFrame:
        flags = frame.columns[frame.columns.str.contains("too_small|is_most_common")]
        ranks = frame.columns[frame.columns.str.endswith("_rank")]
        return frame.assign(**{flag: "too_small" in flag for flag in flags}, **dict.fromkeys(ranks, None))

    case = replace(marts, **{field.name: small(getattr(marts, field.name)) for field in fields(Marts)})
    text = text_of(case)
    assert BROKEN.search(text) is None
    levels, *medians = bullets(section(case, "Who leaves"))
    assert levels == "there is no such level."
    assert {line.count("too few clients") for line in medians} == {2}
    assert section(case, "Portrait by number of products").strip() == ""
    assert "There are no proposals" in text
    for shown in ("Coverage:", "Churn rate:", "smallest group", " left, that is"):
        assert shown not in text
    few = replace(marts, fct_product_count_metrics=case.fct_product_count_metrics.assign(is_too_small=False))
    products = section(few, "Portrait by number of products")
    assert set(re.findall("of them active (.*?),", products)) <= {"0"}
    assert "Too few of them are active" in products


@pytest.mark.parametrize(
    ("lift", "said"), [(1.04, "hardly above the bank-wide rate"), (1.06, "1.1 times the bank-wide")]
)
def test_no_rate_is_called_one_time_the_banks(marts: Marts, lift: float, said: str) -> None:
    """Of very many clients, a level can be above the bank-wide rate by less than is printed."""
    portrait = marts.fct_churn_portrait
    text = text_of(replace(marts, fct_churn_portrait=portrait.assign(lift=lift)))
    assert text.count(said) == portrait["standout_rank"].notna().sum() > 0
    assert "1.0 times" not in text


def test_the_tenth_hypothesis_comes_last(marts: Marts, sample_warehouse: Path) -> None:
    """Behind h9, as the register says, not behind h1, as the letters would have it."""
    tenth = "select * replace ('h10_salary' as hypothesis_id) from bank.marts.{} where hypothesis_id = 'h2_salary'"
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{sample_warehouse}' as bank (read_only); create schema marts; create schema quality"
        )
        for relation in RELATIONS.values():
            connection.execute(f"create table {relation} as from bank.{relation}")
        for table in ("dim_hypotheses", *HYPOTHESIS_FACTS):
            connection.execute(f"insert into marts.{table} {tenth.format(table)}")
        connection.execute(
            "update marts.dim_hypotheses set sort_order = 10, null_en = 'the tenth' where hypothesis_id = 'h10_salary'"
        )
        ten = marts_from(lambda query: connection.execute(query).df())
    order = [*marts.dim_hypotheses["hypothesis_id"], "h10_salary"]
    for frame in (ten.dim_hypotheses, *(getattr(ten, name) for name in HYPOTHESIS_FACTS)):
        assert list(frame["hypothesis_id"].unique()) == order
    nulls = re.findall("^### “(.*)”$", section(ten, "Hypotheses"), re.MULTILINE)
    assert nulls == list(ten.dim_hypotheses["null_en"])
