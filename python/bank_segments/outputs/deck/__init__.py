"""The deck, in Russian and in English: titles that state the finding, editable charts, sources in the notes.

Every text with a number goes through `Slide.fact`, which writes down the relation, the columns and the row that the
number comes from; the notes list them, and the tests look each of them up again. What stands out, comes first or is too
small to be shown is a column of its mart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bank_segments.marts import Marts, named_results, rows
from bank_segments.outputs.deck.charts import (
    ACCENT,
    LIGHT,
    PALE,
    STRONG,
    Point,
    Series,
    axis_around,
    forest_picture,
    native_chart,
    percent_axis,
)
from bank_segments.outputs.deck.fit import Paragraph
from bank_segments.outputs.deck.page import LABEL, RATES, Cells, Deck, Slide, check_template, plain
from bank_segments.words import (
    CONFIDENCE,
    EFFECTS,
    LANGUAGES,
    MISSING,
    N_,
    PRODUCT_CLAIMS,
    SEGMENT_CLAIMS,
    STANDOUT_CLAIMS,
    Words,
    capitalised,
    interval_suffix,
    is_known,
    scale_of,
    words_of,
)

__all__ = ["check_template", "write_decks"]

_MAIN = 4  # the hypotheses with a slide of their own
_LEVELS = 9  # levels of the portrait of the leavers
_MARKS, _SHARES = 6, 5  # levels whose shares are compared: of leavers, of product counts
_COUNTS = 3  # product counts compared on one slide
_SEGMENTS, _HYPOTHESES, _PROPOSALS, _ECONOMICS, _TESTED = 7, 6, 2, 4, 3  # on a slide
_PRODUCTS = "fct_product_count_metrics"
_BANK_RATE = "sum(churned_clients) / sum(clients)"
_SYNTHETIC = N_("The data are synthetic: a program made them, and they describe no real client.")
_VERDICTS = {
    "different": N_("the groups differ"),
    "negligible": N_("the groups differ, but negligibly"),
    "equivalent": N_("the groups are equivalent within the margin"),
    "inconclusive": N_("the data do not decide"),
    "not_tested": N_("the hypothesis was not tested"),
}


def write_decks(
    marts: Marts, directory: Path, *, input_name: str, is_synthetic: bool, template: Path | None = None
) -> list[Path]:
    """Write `presentation.ru.pptx` and `presentation.en.pptx` to `directory`, and return the paths.

    `input_name` is the name of the client file as the user gave it; `template` has passed `check_template`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for language in LANGUAGES:
        words = words_of(marts, language)
        # Labels hold so many characters, and no remarks.
        levels = {key: plain(label, LABEL) for key, label in words.levels.items()}
        traits = {key: name.partition(" (")[0] for key, name in words.traits.items()}
        words = replace(words, levels=levels, traits=traits)
        footer = words.gettext("Input file: %(file)s", file=plain(input_name, 70))
        if is_synthetic:
            footer += f". {words.gettext(_SYNTHETIC)}"
        deck = Deck(words, footer, template)
        _Story(marts, words, deck, plain(input_name, 70)).tell()
        paths.append(deck.write(directory / f"presentation.{language}.pptx"))
    return paths


@dataclass(frozen=True)
class _Story:
    """The slides in their order; a section that does not fit on one goes on on the next."""

    marts: Marts
    words: Words
    deck: Deck
    input_name: str

    def tell(self) -> None:
        _, slide = self.words.gettext, self.deck.slide
        self.question(slide("Summary", _("Churn and segments of the bank’s clients")))
        self.quality(slide("Table", _("Data quality")))
        self.levels(slide("Chart and text", _("Portrait of the leavers")))
        self.leavers(slide("Chart and table", _("Portrait of the leavers")))
        self.products(slide("Chart and table", _("Portraits by number of products")))
        self.portraits(slide("Chart and table", _("Portraits by number of products")))
        for part in _parts(self.segment_rows, _SEGMENTS):
            self.segments(slide("Two charts and table", _("Segments")), part)
        for hypothesis in self.hypotheses[:_MAIN]:
            null = self.words.name(hypothesis[0], "null")
            self.hypothesis(
                slide("Chart, table and text", _("Hypothesis: “%(null)s”", null=null)), hypothesis
            )
        for part in _parts(self.hypotheses, _HYPOTHESES):
            self.changes(slide("Picture and text", _("What changes between the populations")), part)
        for part in _parts(self.proposal_rows, _PROPOSALS):
            self.proposals(slide("Two proposals", _("Proposals against churn")), part)
        for part in _parts(self.proposal_rows, _ECONOMICS):
            self.economics(slide("Table", _("When a proposal pays")), part)
        self.limits(slide("Text", _("Limits of these findings")))
        for part in _parts(self.hypotheses, _TESTED):
            self.tests(slide("Table", _("Appendix: every test")), part)
        for each in self.deck.slides:
            each.fact(self.deck.footer, Cells({}, "run.json"), "input.file")

    # The rows that slides are made from

    def read(self, mart: str, frame: pd.DataFrame | None = None) -> list[Cells]:
        """The rows of a mart, or of `frame`, whose figures are the mart's."""
        relation = f"{'quality' if mart == 'row_counts' else 'marts'}.{mart}"
        return [Cells(row, relation) for row in rows(getattr(self.marts, mart) if frame is None else frame)]

    @cached_property
    def results(self) -> list[Cells]:
        name = "fct_hypothesis_results"
        return self.read(name, named_results(self.marts, self.marts.fct_hypothesis_results))

    @cached_property
    def hypotheses(self) -> list[list[Cells]]:
        """The primary results of each hypothesis, one for each population."""
        return _grouped([row for row in self.results if row["is_primary"]], "hypothesis_id")

    def further(self, primary: Cells) -> list[Cells]:
        """The other tests of the same hypothesis and population."""
        same = primary["hypothesis_id"], primary["population"]
        tests = [row for row in self.results if (row["hypothesis_id"], row["population"]) == same]
        return [row for row in tests if not row["is_primary"]]

    @cached_property
    def segment_rows(self) -> list[Cells]:
        metrics = self.marts.fct_segment_metrics.merge(self.marts.dim_segments, on="segment_id", how="left")
        return self.read("fct_segment_metrics", metrics)

    @cached_property
    def proposal_rows(self) -> list[Cells]:
        proposals = self.marts.fct_retention_proposals.merge(self.marts.dim_segments, on="segment_id")
        return _ranked(self.read("fct_retention_proposals", proposals), "proposal_rank")

    @cached_property
    def standouts(self) -> list[Cells]:
        return _ranked(self.read("fct_churn_portrait"), "standout_rank")

    @property
    def bank(self) -> Cells:
        """Totals of the bank, by how SQL adds them up."""
        totals = {
            "sum(clients)": self.marts.clients,
            "sum(churned_clients)": self.marts.churned_clients,
            _BANK_RATE: self.marts.churn_rate,
        }
        return Cells(totals, f"marts.{_PRODUCTS}")

    @property
    def confidence(self) -> str:
        return self.words.percent(CONFIDENCE, 0)

    @property
    def rate_header(self) -> str:
        return self.words.gettext("Churn rate (%(level)s CI)", level=self.confidence)

    # Titles that stand on two slides

    def levels_title(self, slide: Slide) -> str:
        _ = self.words.gettext
        if not self.standouts:
            return _("No group stands out: churn is nowhere clearly above the bank’s")
        top = self.standouts[0]
        return _(
            STANDOUT_CLAIMS[bool(top["is_clear_of_next"])],
            level=slide.level(top),
            rate=slide.percent(top, "churn_rate"),
            bank=slide.percent(top, "bank_churn_rate"),
        )

    def segments_title(self, slide: Slide) -> str:
        _ = self.words.gettext
        if not (ranked := _ranked(self.segment_rows, "churn_rate_rank")):
            return _("Coverage of the segments: churn marks none of them")
        return _(
            SEGMENT_CLAIMS[bool(ranked[0]["is_clear_of_next"])],
            segment=slide.segment(ranked[0]),
            rate=slide.percent(ranked[0], "churn_rate"),
            coverage=slide.percent(ranked[0], "coverage"),
        )

    def changes_title(self) -> str:
        _ = self.words.gettext
        tested = [row for hypothesis in self.hypotheses for row in hypothesis]
        flipped = dict.fromkeys(self.words.name(row, "metric") for row in tested if row["is_flipped"])
        if flipped:
            metrics = ", ".join(_("“%(metric)s”", metric=metric) for metric in flipped)
            return _("The answer depends on who is compared: %(metrics)s", metrics=metrics)
        if any(row["is_flipped"] is not None and not row["is_baseline"] for row in tested):
            return _("The answers are the same for every population")
        return _("No hypothesis was tested in more than one population: nothing to compare")

    def proposals_title(self, slide: Slide, proposals: Iterable[Cells]) -> str:
        _ = self.words.gettext
        lost = [
            _(
                "%(expected)s of %(target)s (“%(segment)s”)",
                expected=slide.count(row, "expected_churned_clients"),
                target=slide.count(row, "target_clients"),
                segment=slide.segment(row),
            )
            for row in proposals
        ]
        if not lost:
            return _("There are no proposals against churn")
        return _("If nothing changes, these will leave: %(segments)s", segments=", ".join(lost))

    # The slides

    def question(self, slide: Slide) -> None:
        _ = self.words.gettext
        clients, churned = (
            slide.count(self.bank, "sum(clients)"),
            slide.count(self.bank, "sum(churned_clients)"),
        )
        figures = {"clients": clients, "churned": churned, "rate": slide.percent(self.bank, _BANK_RATE)}
        slide.title(_("Of the bank’s %(clients)s clients %(churned)s have left: %(rate)s", **figures))
        (counts,) = self.read("row_counts")
        names = (_("clients accepted"), _("of them left"), _("churn rate"), _("rows rejected"))
        tiles = zip((*figures.values(), slide.count(counts, "rejected_rows")), names, strict=True)
        for position, (figure, name) in enumerate(tiles, start=1):
            slide.text(f"Figure {position}", [(figure, ""), ("", name)], level=1)
        question = _(
            "Who leaves, how do clients with two products differ from those with one, and whom to keep?"
        )
        traits = (row["trait"] for row in self.read("dim_traits") if row["kind"] == "category")
        data = _(
            "One snapshot of the client base without dates, file “%(file)s”. Traits: %(traits)s.",
            file=slide.fact(self.input_name, Cells({}, "run.json"), "input.file"),
            traits=", ".join(self.words.trait(trait).lower() for trait in traits),
        )
        slide.text("Text", [(_("The question.") + " ", question), (_("The data.") + " ", data)])
        findings = [
            self.levels_title(slide),
            self.segments_title(slide),
            self.changes_title(),
            self.proposals_title(slide, self.proposal_rows[:1]),
        ]
        slide.text("Findings", [(_("In short"), ""), *(("", finding) for finding in findings)], level=1)
        slide.say(question, *findings)

    def quality(self, slide: Slide) -> None:
        _ = self.words.gettext
        checked = {
            "read_rows": (_("Rows read"), _("Every row of the file is accounted for: accepted or rejected.")),
            "accepted_rows": (_("Accepted"), _("Everything in this deck is computed from these rows.")),
            "rejected_rows": (
                _("Rejected"),
                _("The quality page says why, the marts for BI tools hold the rows."),
            ),
            "loyal_churned_clients": (
                _("Loyal, yet gone"),
                _("No contradiction: the rows are kept. What changes without them has been tested."),
            ),
            "clients_without_balance": (
                _("Without an account balance"),
                _("A fact about the client, not a gap. Balances describe the other clients."),
            ),
        }
        (row,) = self.read("row_counts")
        counts = {column: slide.count(row, column) for column in checked}
        title = _("Rows accepted: %(accepted_rows)s of %(read_rows)s; no gap has been filled in", **counts)
        slide.title(title)
        table = [[name, counts[column], meaning] for column, (name, meaning) in checked.items()]
        slide.table("Table", [_("What was checked"), _("Rows"), _("What it means")], table, "lrl")
        slide.say(title)

    def levels(self, slide: Slide) -> None:
        _ = self.words.gettext
        slide.title(self.levels_title(slide))
        bank = Point(self.words.percent(self.marts.churn_rate), self.bank, (_BANK_RATE,))
        names = [_("Bank-wide, n = %(clients)s", clients=slide.count(self.bank, "sum(clients)"))]
        shown = self.standouts[:_LEVELS]
        for row in shown:
            clients = slide.count(row, "clients")
            names.append(_("%(level)s, n = %(clients)s", level=slide.level(row), clients=clients))
        series = [Series(_("Churn rate"), [bank, *map(self.rate_point, shown)])]
        axis = percent_axis(self.words.language, series)
        native_chart(slide, "Chart", names, series, axis, kind="bar", grey_first=True)
        reading = [
            _(
                "Shown are the groups whose whole interval lies above the bank’s rate, by its lower end. The bar is "
                "the churn rate, the line its %(level)s Wilson interval, n the number of clients.",
                level=self.confidence,
            )
        ]
        outstanding = {row["trait"] for row in self.standouts}
        flat = [each for each in self.marts.fct_churn_portrait["trait"].unique() if each not in outstanding]
        if flat:
            unrelated = _(
                "No level stands out like that for: %(traits)s. That does not prove that they are unrelated to churn.",
                traits=", ".join(map(self.words.trait, flat)),
            )
            reading.append(unrelated)
        slide.text("Text", [("", sentence) for sentence in reading])
        slide.say(*reading)

    def leavers(self, slide: Slide) -> None:
        _ = self.words.gettext
        groups = {"churned": capitalised(_("churned")), "active": capitalised(_("active"))}
        numbers = self.read("fct_churn_portrait_numbers")
        first = {row["population"]: row for row in numbers if row["separation_rank"] == 1}
        title = _("How leavers differ from the active")
        if first.keys() == groups.keys():
            title = _(
                "What marks the leavers is “%(trait)s”: a median of %(churned)s against %(active)s for the active",
                trait=self.words.trait(first["churned"]["trait"], "number"),
                churned=slide.median(first["churned"]),
                active=slide.median(first["active"]),
            )
        slide.title(title)
        self.reading(
            slide,
            _(
                "Left, the groups whose share of the leavers exceeds their share of the active most. Right, medians "
                "with the bounds of the middle half of the clients."
            ),
        )
        ranked = _ranked(self.read("fct_churn_portrait"), "share_difference_rank")
        shown = [levels[0] for levels in _grouped(ranked, "trait")][:_MARKS]
        series = [
            Series(name, [self.share_point(row, f"share_of_{group}") for row in shown], colour)
            for (group, name), colour in zip(groups.items(), (STRONG, LIGHT), strict=True)
        ]
        self.share_chart(slide, [slide.level(row) for row in shown], series)
        self.medians(slide, numbers, "population", groups)

    def products(self, slide: Slide) -> None:
        _ = self.words.gettext
        metrics = self.read(_PRODUCTS)
        ranked = _ranked(metrics, "churn_rate_rank")
        title = _("Churn by number of products")
        if len(ranked) > 1 and ranked[0]["churn_rate_rank"] == ranked[-1]["churn_rate_rank"]:
            title = _("Churn does not differ by number of products")
        elif len(ranked) > 1:
            title = _(
                PRODUCT_CLAIMS[bool(ranked[0]["is_clear_of_next"] and ranked[-2]["is_clear_of_next"])],
                low=slide.products(ranked[-1]),
                low_rate=slide.percent(ranked[-1], "churn_rate"),
                high=slide.products(ranked[0]),
                high_rate=slide.percent(ranked[0], "churn_rate"),
            )
        slide.title(title)
        self.reading(
            slide,
            _(
                "The line in the chart is the Wilson interval. A snapshot without dates does not tell what came first: "
                "the product or the decision to leave."
            ),
        )
        names = [slide.products(row) for row in metrics]
        series = [Series(_("Churn rate"), [self.rate_point(row) if _shown(row) else None for row in metrics])]
        native_chart(slide, "Chart", names, series, percent_axis(self.words.language, series), kind="column")
        columns = ("clients", "active_clients", "churned_clients")
        header = [_("Products"), _("Clients"), _("Active"), capitalised(_("churned")), self.rate_header]
        table = [
            [name, *(slide.count(row, column) for column in columns), slide.rate(row)]
            if _shown(row)
            else [name, *[MISSING] * len(columns), _("too few clients")]
            for name, row in zip(names, metrics, strict=True)
        ]
        slide.table("Table", header, table, "lrrrr")

    def portraits(self, slide: Slide) -> None:
        _ = self.words.gettext
        metrics, portrait = self.read(_PRODUCTS), self.read("fct_product_count_portrait")
        shown = [row for row in metrics if not row["is_active_too_small"]][:_COUNTS]
        names = {row["product_count"]: slide.products(row) for row in shown}
        ranked = _ranked(portrait, "share_difference_rank")
        most = [row for row in ranked if row["share_difference_rank"] == 1]
        title = _("Portraits of the active clients by number of products")
        if len(most) == 2:
            title = _(
                "Active clients differ in “%(level)s”: %(first)s — %(first_share)s, %(second)s — %(second_share)s",
                level=slide.level(most[0]),
                first=slide.products(most[0]),
                second=slide.products(most[1]),
                first_share=slide.percent(most[0], "share"),
                second_share=slide.percent(most[1], "share"),
            )
        slide.title(title)
        absent = (
            _("%(products)s: too few active", products=slide.products(row))
            if row["active_clients"]
            else _("%(products)s: none active", products=slide.products(row))
            for row in metrics
            if row["is_active_too_small"]
        )
        reading = _("Left, shares of groups among the active clients. Right, medians with the middle half.")
        self.reading(slide, " ".join([reading, *(f"{text}." for text in absent)]))
        levels = [level[0] for level in _grouped(ranked, "trait")][:_SHARES]
        cells = {(row["product_count"], row["trait"], row["level"]): row for row in portrait}
        series = [
            Series(
                name,
                [self.share_point(cells.get((count, row["trait"], row["level"])), "share") for row in levels],
                colour,
            )
            for (count, name), colour in zip(names.items(), (LIGHT, STRONG, ACCENT), strict=False)
        ]
        self.share_chart(slide, [slide.level(row) for row in levels], series)
        self.medians(slide, self.read("fct_product_count_portrait_numbers"), "product_count", names)

    def segments(self, slide: Slide, segments: Sequence[Cells]) -> None:
        _ = self.words.gettext
        slide.title(self.segments_title(slide))
        names = [slide.segment(row) for row in segments]
        # Where the rule itself sets the churn rate, a bar would look like a finding.
        free = [None if row["is_churn_set_by_rule"] or not _shown(row) else row for row in segments]
        coverage = [self.share_point(row, "coverage") for row in segments]
        drawn = {
            "Chart 1": Series(_("Coverage: share of all clients"), coverage),
            "Chart 2": Series(_("Churn rate"), [self.rate_point(row) if row else None for row in free], PALE),
        }
        for place, series in drawn.items():
            axis = percent_axis(self.words.language, [series], is_shown=place == "Chart 2")
            native_chart(slide, place, names, [series], axis, kind="bar", title=series.name)
        header = [_("Segment"), _("Rule"), _("Clients"), _("Coverage"), self.rate_header]
        table = []
        for name, row in zip(names, segments, strict=True):
            rule = MISSING
            if row["segment_id"] != "none":
                rule = slide.fact(
                    capitalised(self.words.rule(row["rule"])), row, "rule", of="marts.dim_segments"
                )
            if _shown(row):
                rate = _("churn set by the rule") if row["is_churn_set_by_rule"] else slide.rate(row)
                figures = [slide.count(row, "clients"), slide.percent(row, "coverage"), rate]
            else:
                figures = [MISSING, MISSING, _("too few clients")]
            table.append([name, rule, *figures])
        slide.table("Table", header, table, "llrrr")
        slide.say(_("A client may be in several segments, so coverages do not add up."))

    def hypothesis(self, slide: Slide, hypothesis: Sequence[Cells]) -> None:
        _ = self.words.gettext
        slide.title(self.hypothesis_title(slide, hypothesis))
        first, second = slide.group_names(hypothesis[0])
        reading = _(
            "The dot is the difference “%(first)s minus %(second)s”, the line its Holm-adjusted interval, the dashes "
            "the margin within which a difference is negligible.",
            first=first,
            second=second,
        )
        tested = [row for row in hypothesis if row["conclusion"] != "not_tested"]
        if tested:
            names = [capitalised(self.words.name(row, "name")) for row in tested]
            self.difference_chart(slide, tested, names)
            slide.text("Reading", [("", reading)])
            columns = [self.hypothesis_cells(slide, row) for row in tested]
            table = [[name, *(cells.get(name, MISSING) for cells in columns)] for name in columns[0]]
            slide.table("Table", ["", *names], table, "l" + "r" * len(columns))
        slide.text("Text", [self.decided(slide, row) for row in hypothesis])
        slide.say(
            f"{self.words.name(hypothesis[0], 'null')}.",
            reading,
            _(
                "“Not rejected” does not mean “true”: equivalence is claimed only where it was tested in its own right."
            ),
        )

    def hypothesis_title(self, slide: Slide, hypothesis: Sequence[Cells]) -> str:
        """The verdict on the first population, then those on the others."""
        _, primary = self.words.gettext, hypothesis[0]
        metric, verdict = self.words.name(primary, "metric"), self.verdict(primary["conclusion"])
        if primary["conclusion"] == "not_tested":
            return f"{metric}: {verdict}"
        first, second = slide.group_names(primary)
        title = _(
            "%(metric)s: %(first_value)s (%(first)s), %(second_value)s (%(second)s) — %(verdict)s",
            metric=metric,
            first=first,
            first_value=slide.estimate(primary, "first_group_estimate"),
            second=second,
            second_value=slide.estimate(primary, "second_group_estimate"),
            verdict=verdict,
        )
        for row in hypothesis[1:]:
            is_same = row["conclusion"] == primary["conclusion"]
            said = _("likewise") if is_same else self.verdict(row["conclusion"])
            title += f"; {self.words.name(row, 'name')} — {said}"
        return title

    def difference_chart(self, slide: Slide, tested: Sequence[Cells], names: Sequence[str]) -> None:
        """Differences with adjusted intervals between the margins, one category per population."""
        _ = self.words.gettext
        differences = [
            Point(self.words.difference(row), row, ("difference", *_ends(row)), scale_of(row))
            for row in tested
        ]
        highs = [
            Point(self.words.margin(row), row, ("equivalence_margin",), scale_of(row))
            if is_known(row["equivalence_margin"])
            else None
            for row in tested
        ]
        lows = [each and replace(each, scale=-each.scale) for each in highs]
        series = [
            Series(_("Equivalence margin"), highs, ACCENT, is_limit=True),
            Series(_("Lower margin"), lows, ACCENT, is_limit=True),
            Series(f"{_('Difference')}, {self.words.name(tested[0], 'unit')}", differences, STRONG),
        ]
        native_chart(slide, "Chart", names, series, axis_around(self.words.language, series), kind="marker")

    def hypothesis_cells(self, slide: Slide, row: Cells) -> dict[str, str]:
        """One population's column of the table, by the name of the line."""
        _ = self.words.gettext
        first, second = map(capitalised, slide.group_names(row))
        sizes = (slide.count(row, f"{group}_group_clients") for group in ("first", "second"))
        interval = self.words.difference_interval(row, interval_suffix(row))
        margin = MISSING
        if is_known(row["equivalence_margin"]):
            margin = slide.fact(self.words.margin(row), row, "equivalence_margin")
        return {
            _("Clients in the groups"): " / ".join(sizes),
            first: slide.estimate(row, "first_group_estimate"),
            second: slide.estimate(row, "second_group_estimate"),
            _("Difference"): slide.fact(self.words.bare_difference(row), row, "difference"),
            _("Its interval"): slide.fact(interval, row, *_ends(row)),
            _("Holm-adjusted p"): slide.p_value(row),
            _("Null hypothesis"): _("rejected") if row["is_null_rejected"] else _("not rejected"),
            _("Equivalence margin"): margin,
            _("Equivalence p"): slide.p_value(row, "equivalence_p_value"),
            **self.effects(slide, row),
            _("Verdict"): self.words.verdict(row["conclusion"]),
        }

    def effects(self, slide: Slide, row: Cells) -> dict[str, str]:
        """The effect size of the test and one more that has a name, each with its interval."""
        known = {
            effect["effect_size_name"]: effect
            for effect in self.read("fct_hypothesis_effects")
            if (effect["hypothesis_id"], effect["population"]) == (row["hypothesis_id"], row["population"])
            and is_known(effect["effect_size"])
        }
        said = {}
        for name in [name for name in dict.fromkeys([row["effect_size_name"], *EFFECTS]) if name in known][
            :2
        ]:
            heading = self.words.gettext(
                "%(effect)s (%(level)s CI)",
                effect=capitalised(self.words.effect(name)),
                level=self.confidence,
            )
            columns = ("effect_size", "effect_size_low", "effect_size_high")
            size, low, high = (known[name][column] for column in columns)
            text = f"{self.words.number(size, 2)} ({self.words.between(low, high, 2)})"
            said[heading] = slide.fact(text, known[name], *columns)
        return said

    def decided(self, slide: Slide, row: Cells) -> Paragraph:
        """By which test a population was decided, and what its other tests say."""
        _, lead = self.words.gettext, f"{capitalised(self.words.name(row, 'name'))}: "
        if row["conclusion"] == "not_tested":
            return lead, f"{self.verdict('not_tested')}. {self.words.name(row, 'reason')}"
        told = {
            is_same: "; ".join(
                f"{self.words.test(each['test'])}, "
                + slide.fact(self.words.p_value(each["p_value_adjusted"]), each, "p_value_adjusted")
                for each in self.further(row)
                if each["has_primary_decision"] is is_same
            )
            for is_same in (True, False)
        }
        text = f"{self.words.test(row['test'])}."
        if told[True]:
            text += " " + _("The same decision follows from: %(tests)s.", tests=told[True])
        if told[False]:
            text += " " + _("Another decision follows from: %(tests)s.", tests=told[False])
        return lead, text

    def changes(self, slide: Slide, hypotheses: Sequence[Sequence[Cells]]) -> None:
        """All results in one picture, and beside it where else a verdict is another."""
        _ = self.words.gettext
        slide.title(self.changes_title())
        if not hypotheses:
            return
        axis = _(
            "Difference of the groups in units of the margin: grey band, within the margin; line, Holm-adjusted "
            "interval; arrow, further out"
        )
        forest_picture(slide, "Picture", hypotheses, axis)
        named = named_results(self.marts, self.marts.fct_hypothesis_sensitivity)
        shown = {hypothesis[0]["hypothesis_id"] for hypothesis in hypotheses}
        flips = [
            row
            for row in self.read("fct_hypothesis_sensitivity", named)
            if row["is_flipped"] and row["hypothesis_id"] in shown
        ]
        told: list[Paragraph] = [(_("Where the verdict is not that of all clients together"), "")]
        for hypothesis in _grouped(flips, "hypothesis_id"):
            found = (self.flip(slide, part) for part in _grouped(hypothesis, "population", "conclusion"))
            told.append((f"{self.words.name(hypothesis[0], 'metric')}. ", " ".join(found)))
        if not flips:
            told.append(("", _("Nowhere.")))
        slide.text("Text", told)
        self.reading(
            slide,
            _(
                "Each hypothesis was tested in every population and each city, with extreme values and without: named "
                "is where either verdict differs. “Inconclusive” in one city may only mean that it has few clients."
            ),
        )

    def flip(self, slide: Slide, flips: Sequence[Cells]) -> str:
        """A verdict that differs in one population, and the cities where it does."""
        _ = self.words.gettext
        cities = [
            _("all cities together")
            if city == "all"
            else slide.fact(
                self.words.level("city", city),
                Cells({"trait": "city", "level": city}, "marts.dim_trait_levels"),
                f"label_{self.words.language}",
            )
            for city in dict.fromkeys(row["city"] for row in flips)
        ]
        said = _(
            "%(population)s: %(verdict)s — %(where)s.",
            population=self.words.name(flips[0], "name"),
            verdict=self.words.verdict(flips[0]["conclusion"]),
            where=", ".join(cities),
        )
        return capitalised(said)

    def proposals(self, slide: Slide, proposals: Sequence[Cells]) -> None:
        _ = self.words.gettext
        slide.title(self.proposals_title(slide, proposals))
        self.reading(
            slide,
            _(
                "Leavers are counted as if active clients left like their lookalikes; how many a proposal keeps, only "
                "a pilot can tell. Segments may overlap, so their numbers do not add up."
            ),
        )
        for position, row in enumerate(proposals, start=1):
            said = {
                name: slide.fact(self.words.name(row, name), row, f"{name}_{self.words.language}")
                for name in ("title", "offer", "why", "condition")
            }
            segment, target = slide.segment(row), slide.count(row, "target_clients")
            heading = _("“%(segment)s” — %(title)s", segment=segment, title=said["title"])
            slide.text(f"Heading {position}", [(heading, "")])
            lost = _(
                "%(expected)s of %(target)s active clients will leave if nothing changes: %(rate)s of their lookalikes "
                "left",
                expected=slide.count(row, "expected_churned_clients"),
                target=target,
                rate=slide.percent(row, "lookalike_churn_rate"),
            )
            slide.text(f"Figures {position}", [(lost, "")])
            whom = _("All active clients of the segment “%(segment)s”.", segment=segment)
            paragraphs = [
                (_("Whom."), whom),
                (_("What."), said["offer"]),
                (_("Why."), said["why"]),
                (_("What must be true."), said["condition"]),
            ]
            slide.text(f"Text {position}", [(f"{label} ", text) for label, text in paragraphs])

    def economics(self, slide: Slide, proposals: Sequence[Cells]) -> None:
        """What each proposal costs and brings under the bank's assumptions, and from which share kept it pays."""
        _ = self.words.gettext
        found = {
            (row["segment_id"], row["proposal_id"], row["scenario"]): row
            for row in self.read("fct_retention_economics")
        }
        named = self.marts.fct_retention_sensitivity.merge(self.marts.dim_assumptions, on="assumption")
        levers = {
            _proposal(row): row
            for row in self.read("fct_retention_sensitivity", named)
            if row["sensitivity_rank"] == 1
        }
        paying = [row for row in proposals if found[*_proposal(row), "central"]["is_profitable"]]
        title = _("Under these assumptions no proposal pays")
        if paying:
            segments = ", ".join(_("“%(segment)s”", segment=slide.segment(row)) for row in paying)
            title = _(
                "Under these assumptions it pays to keep the clients of: %(segments)s", segments=segments
            )
        slide.title(title)
        self.reading(
            slide,
            _(
                "How many leave is measured, all else is assumed until a pilot; low and high: all assumptions at one "
                "end."
            ),
        )
        table = []
        for row in proposals:
            low, central, high = (found[*_proposal(row), scenario] for scenario in ("low", "central", "high"))
            pays_from = self.words.name(central, "reason")
            if central["reason_en"] is None:
                pays_from = slide.percent(central, "break_even_save_rate")
            figures = [slide.rubles(each, "profit") for each in (low, central, high)]
            value = slide.rubles(central, "value_of_kept_client")
            lever = self.lever(slide, levers.get(_proposal(row)))
            table.append([slide.segment(row), value, pays_from, *figures, lever])
        header = [
            _("Segment"),
            _("A client is worth"),
            _("Pays from a share kept of"),
            _("Profit, low"),
            _("Profit, central"),
            _("Profit, high"),
            _("Depends most on"),
        ]
        slide.table("Table", header, table, "lrlrrrl")

    def lever(self, slide: Slide, row: Cells | None) -> str:
        """The assumption that a profit depends most on, with its range; there is none where there is no profit."""
        if row is None:
            return MISSING
        low, high = (self.words.assumed(row[column], row) for column in ("value_low", "value_high"))
        ends = self.words.gettext("%(low)s to %(high)s", low=low, high=high)
        return f"{self.words.name(row, 'name')} ({slide.fact(ends, row, 'value_low', 'value_high')})"

    def limits(self, slide: Slide) -> None:
        _ = self.words.gettext
        title = _(
            "The data show association, not cause: only a pilot can tell whether a proposal keeps clients"
        )
        slide.title(title)
        said = [
            _("The data are observational: they show association and do not prove a cause."),
            _(
                "This is one snapshot without dates: when a client came, left or bought a product, and in which order, "
                "is unknown."
            ),
            _(
                "Intervals of rates are built for each rate alone: among many levels one may stand out by chance."
            ),
        ]
        by_active = _ranked(self.read(_PRODUCTS), "active_clients_rank")
        by_size = _ranked(self.segment_rows, "clients_rank")
        if by_active and by_size:
            active = self.words.counted(by_active[-1]["active_clients"], "active client")
            clients = self.words.counted(by_size[-1]["clients"], "client")
            small = _(
                "Shares of small groups are unreliable. The smallest group of active clients by number of products: "
                "%(products)s — %(active)s; the smallest segment: %(segment)s — %(clients)s.",
                products=slide.products(by_active[-1]),
                active=slide.fact(active, by_active[-1], "active_clients"),
                segment=slide.segment(by_size[-1]),
                clients=slide.fact(clients, by_size[-1], "clients"),
            )
            said.append(small)
        for population in self.read("dim_populations"):
            rule = slide.fact(self.words.rule(population["rule"]), population, "rule")
            name = self.words.name(population, "name")
            said.append(_("Population “%(name)s”: %(rule)s.", name=name, rule=rule))
        slide.text("Text", [("", sentence) for sentence in said])
        slide.say(title)

    def tests(self, slide: Slide, hypotheses: Sequence[Sequence[Cells]]) -> None:
        """Every test of every population, a line each; a hypothesis names its tests in its first line."""
        _ = self.words.gettext
        differs = _("differs")
        differing = [row for row in self.results if row["has_primary_decision"] is False]
        title = _("The further tests decide as the primary one does everywhere")
        if differing:
            metrics = "; ".join(dict.fromkeys(self.words.name(row, "metric") for row in differing))
            title = _("The further tests decide otherwise than the primary one: %(metrics)s", metrics=metrics)
        elif all(row["conclusion"] == "not_tested" for row in self.results):
            title = _("No hypothesis was tested")
        slide.title(title)
        self.reading(
            slide,
            _(
                "p-values are Holm-adjusted for the hypotheses of the population; those of equivalence are not."
            ),
        )
        table = []
        for hypothesis in hypotheses:
            for place, row in enumerate(hypothesis):
                primary, further = (
                    "; ".join(
                        (f"{self.words.test(test['test'])}: " if place == 0 else "")
                        + slide.p_value(test)
                        + (f" ({differs})" if test["has_primary_decision"] is False else "")
                        for test in tests
                    )
                    for tests in ([row], self.further(row))
                )
                metric = self.words.name(row, "metric") if place == 0 else ""
                equal = slide.p_value(row, "equivalence_p_value")
                table.append([metric, self.words.name(row, "name"), primary, further, equal])
        header = [
            _("What is compared"),
            _("Who"),
            _("Primary test, p"),
            _("Further tests, p"),
            _("Equivalence p"),
        ]
        slide.table("Table", header, table, "llllr")

    # Parts of slides

    def verdict(self, conclusion: str) -> str:
        """A mart's `conclusion` as a clause about the groups."""
        return self.words.gettext(_VERDICTS[conclusion])

    def reading(self, slide: Slide, text: str) -> None:
        """How to read the slide, on it and in its notes."""
        slide.text("Reading", [("", text)])
        slide.say(text)

    def rate_point(self, row: Cells) -> Point:
        """The churn rate of a mart's row with its interval, for a chart."""
        text = "{} ({})".format(*self.words.rate_and_ends(row)) if is_known(row["churn_rate"]) else MISSING
        return Point(text, row, RATES)

    def share_point(self, row: Cells | None, column: str) -> Point | None:
        """A share of a mart's row, for a chart; none where the row may not be shown."""
        return Point(self.words.percent(row[column]), row, (column,)) if row and _shown(row) else None

    def share_chart(self, slide: Slide, names: Sequence[str], series: Sequence[Series]) -> None:
        """Bars of shares that carry their values, so that they need no axis."""
        if names:
            axis = percent_axis(self.words.language, series, is_shown=False)
            native_chart(slide, "Chart", names, series, axis, kind="bar")

    def medians(self, slide: Slide, numbers: Sequence[Cells], column: str, groups: Mapping[Any, str]) -> None:
        """A table of medians: a trait, then a cell for each of the `groups`, whose keys stand in `column`."""
        table = []
        for trait in _grouped(numbers, "trait"):
            cells = {row[column]: row for row in trait}
            name = self.words.trait(trait[0]["trait"], "number")
            table.append([name, *(slide.median_and_half(cells.get(group)) for group in groups)])
        if table and groups:
            header = [self.words.gettext("Median"), *groups.values()]
            slide.table("Table", header, table, "l" + "r" * len(groups))


def _proposal(row: Cells) -> tuple[str, str]:
    """What names a proposal."""
    return row["segment_id"], row["proposal_id"]


def _shown(row: Cells) -> bool:
    """Whether a row may be shown; one without clients tells of none."""
    return not row["is_too_small"] or row.get("clients") == 0


def _ends(row: Cells) -> tuple[str, ...]:
    """The columns of the interval that is shown with a difference, and of its level."""
    suffix = interval_suffix(row)
    return (
        f"difference_low{suffix}",
        f"difference_high{suffix}",
        *(["confidence_adjusted"] if suffix else []),
    )


def _ranked(found: Iterable[Cells], rank: str) -> list[Cells]:
    """The rows that a mart ranks, in that order."""
    return sorted((row for row in found if row[rank] is not None), key=lambda row: float(row[rank]))


def _grouped(found: Iterable[Cells], *columns: str) -> list[list[Cells]]:
    """The rows with the same values in `columns` together, both in the order in which they come."""
    groups: dict[tuple[Any, ...], list[Cells]] = {}
    for row in found:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return list(groups.values())


def _parts(found: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """So many at a time; one empty part where there are none."""
    for start in range(0, max(len(found), 1), size):
        yield found[start : start + size]
