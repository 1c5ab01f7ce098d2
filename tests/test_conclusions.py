"""The written findings say what the marts flag and nothing else, and any input gives whole sentences."""

import re
from dataclasses import fields, replace
from typing import Any

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from bank_segments.marts import Marts, hypothesis_rows
from bank_segments.outputs.conclusions import conclusions
from bank_segments.words import LANGUAGES, SPACE, Language, words_of
from output_cases import BROKEN, ODD, odd_marts, printed, with_random_numbers

RISKLESS, SAME, OTHER = "so it says nothing about the risk", "The same decision", "Another decision"
CHANGES, FLIPS = "What changes between the populations", "Where a verdict flips"
RESULTS, SENSITIVITY = "fct_hypothesis_results", "fct_hypothesis_sensitivity"
HETEROGENEOUS = "The groups do not differ alike in all strata"
UNCOMPARED = {"is_distinguishable": False, "p_value": None}


def text_of(marts: Marts, language: Language = "en", input_name: str = "clients.csv") -> str:
    return conclusions(marts, language, input_name=input_name, is_synthetic=False)


def section(marts: Marts, heading: str) -> str:
    """One section in English."""
    return text_of(marts).partition(f"## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("case", ["sample", "random numbers", *ODD])
def test_any_input_gives_whole_sentences_with_the_same_numbers_in_both_languages(marts: Marts, case: str) -> None:
    cases = {"sample": marts, "random numbers": with_random_numbers(marts, 0)} | odd_marts(marts)
    texts = {language: text_of(cases[case], language) for language in LANGUAGES}
    for text in texts.values():
        assert BROKEN.search(text) is None
        assert not re.search(r"—, |\.\.| {2}|\n\n\n", text)
        assert text.count("\n## ") == (11 if case == "no hypothesis" else 14)
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


def flagged(marts: Marts, names: str, flags: dict[str, Any]) -> Marts:
    """The marts with the same in some columns of all rows."""
    return replace(marts, **{name: getattr(marts, name).assign(**flags) for name in names.split()})


@pytest.mark.parametrize(
    ("names", "flags", "heading", "said", "unsaid"),
    [
        ("fct_churn_portrait", {"lift": 1.04}, "Who leaves", "hardly above the bank-wide rate", "1.0 times"),
        ("fct_churn_portrait", {"lift": 1.06}, "Who leaves", "; 1.1 times the bank-wide rate", "hardly"),
        ("fct_churn_portrait", {"standout_rank": None}, "Who leaves", "there is no such level", "left, that"),
        ("fct_segment_metrics", {"is_churn_set_by_rule": True}, "Segments", RISKLESS, "CI"),
        ("fct_segment_metrics", {"is_churn_set_by_rule": False}, "Segments", "CI", RISKLESS),
        (RESULTS, {"has_primary_decision": True}, "Hypotheses", SAME, OTHER),
        (RESULTS, {"has_primary_decision": False}, "Hypotheses", OTHER, SAME),
        (RESULTS, {"is_flipped": False}, CHANGES, "the answer is the same", "\n- "),
        (SENSITIVITY, {"is_flipped": False}, FLIPS, "flips in none of these tests", "\n- "),
        (RESULTS, {"is_heterogeneous": True}, "Hypotheses", HETEROGENEOUS, "None"),
        (RESULTS, {"is_heterogeneous": False}, "Hypotheses", SAME, HETEROGENEOUS),
    ],
)
def test_a_finding_follows_the_flags_of_its_mart(
    marts: Marts, names: str, flags: dict[str, Any], heading: str, said: str, unsaid: str
) -> None:
    text = section(flagged(marts, names, flags), heading)
    assert said in text
    assert unsaid not in text


def claimed(marts: Marts, claim: str) -> str:
    """A claim in English."""
    template = words_of(marts, "en").environment().get_template("claims.xml.j2")
    return str(getattr(template.make_module(marts.tables), claim)()).replace(SPACE, " ")


@pytest.mark.parametrize(
    ("names", "flags", "claim", "said"),
    [
        ("fct_churn_portrait", {"is_clear_of_next": True}, "levels", "Churn stands out most for “"),
        ("fct_churn_portrait", {"is_clear_of_next": False}, "levels", "Churn stands out for “"),
        ("fct_churn_drivers", {"is_distinguishable": False}, "drivers", "With all else equal no trait"),
        ("fct_churn_drivers", UNCOMPARED, "drivers", "The traits cannot be compared with all else equal"),
        ("fct_product_count_metrics", {"is_clear_of_next": True}, "counts", "Churn is lowest with 2"),
        ("fct_product_count_metrics", {"is_clear_of_next": False}, "counts", "Churn with 2"),
        ("fct_product_count_metrics", {"churn_rate_rank": 1}, "counts", "Churn does not differ"),
        ("fct_segment_metrics", {"is_clear_of_next": True}, "segments", "Churn is highest in the segment “"),
        ("fct_segment_metrics", {"is_clear_of_next": False}, "segments", "No segment clearly has"),
        (RESULTS, {"is_flipped": True}, "changes", "The verdict is not the same for everyone compared: “"),
        (RESULTS, {"is_flipped": False}, "changes", "The main answers agree; some parts"),
        (f"{RESULTS} {SENSITIVITY}", {"is_flipped": False}, "changes", "No verdict depends on who"),
        ("fct_retention_proposals", {"is_profitable": False}, "economics", "Under the central assumptions no"),
        ("fct_pilot_designs", {"is_large_enough": True}, "pilots", "There are enough clients for the pilots"),
        ("fct_pilot_designs", {"is_profitable": False}, "pilots", "Only an offer that does not pay has"),
        ("fct_pilot_designs", {"is_large_enough": False}, "pilots", "No segment has enough clients"),
    ],
)
def test_a_claim_follows_the_flags_of_its_mart(
    marts: Marts, names: str, flags: dict[str, Any], claim: str, said: str
) -> None:
    assert claimed(flagged(marts, names, flags), claim).startswith(said)


def test_what_comes_first_is_a_rank_of_its_mart(marts: Marts) -> None:
    """With other numbers everywhere the same is named, in the same order."""
    other = with_random_numbers(marts, 0)
    for claim in ("levels", "leavers", "counts", "portraits", "segments", "candidates", "economics"):
        one, two = (re.sub(r"[\d.]+%", "", claimed(each, claim)) for each in (marts, other))
        assert one == two
    # With as many active clients, or a portrait is left out.
    other = replace(other, fct_product_count_metrics=marts.fct_product_count_metrics)
    for heading in ("Who leaves", "Portrait by number of products", "Proposals against churn"):
        one, two = (re.sub(r"[\d.,]+", "", section(each, heading)) for each in (marts, other))
        assert one == two


def bullets(text: str) -> list[str]:
    return re.findall(r"^- (.*)$", text, re.MULTILINE)


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
            fct_hypothesis_results=results.assign(conclusion=results["conclusion"].mask(is_tested, conclusion)),
        )
        told = [line for line in bullets(section(case, "Hypotheses")) if line.startswith("**")]
        assert len(told) == len(hypothesis_rows(marts))
        told = [line for line in told if "the hypothesis was not tested" not in line]
        assert len(told) == (is_tested & results["is_primary"]).sum()
        assert all(sentence in line for line in told)
        assert not any(re.search(r"\bequal\b|\bidentical\b|\bno difference\b", line) for line in told)
        others = {words[other] for other in words if other != conclusion}
        assert not any(other in line for line in told for other in others)


def test_what_flips_is_flagged(marts: Marts) -> None:
    results = marts.fct_hypothesis_results.assign(is_flipped=False)
    tests = marts.fct_hypothesis_sensitivity.assign(is_flipped=False)
    metrics = marts.dim_hypotheses.set_index("hypothesis_id")["metric_en"]
    at = results.index[results["is_primary"]][-1]
    results.loc[at, "is_flipped"] = tests.loc[len(tests) - 1, "is_flipped"] = True
    case = replace(marts, fct_hypothesis_results=results, fct_hypothesis_sensitivity=tests)
    (change,), (flip,) = bullets(section(case, CHANGES)), bullets(section(case, FLIPS))
    assert change.startswith(metrics[results.loc[at, "hypothesis_id"]])
    population = marts.dim_populations.set_index("population")["name_en"][tests["population"].iloc[-1]]
    assert flip.startswith(f"{population}: ")
    assert f"**{metrics[tests['hypothesis_id'].iloc[-1]]}**" in section(case, FLIPS)


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
    assert {line.count("hidden for small groups") for line in medians} == {2}
    counts = [f"{count}\u00a0product{'s' * (count > 1)}" for count in marts.fct_product_count_metrics["product_count"]]
    portrait = section(case, "Portrait by number of products").strip()
    assert portrait == f"Hidden for small groups: {', '.join(counts)}."
    few = replace(case, fct_product_count_metrics=marts.fct_product_count_metrics)
    assert "among the active: hidden for small groups." in section(few, "Portrait by number of products")
    assert "There are no proposals" in text
    for shown in ("Coverage:", "Churn rate:", "smallest group", " left, that is"):
        assert shown not in text
