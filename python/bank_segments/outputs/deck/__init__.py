"""The deck, in Russian and in English: titles that state the finding, editable charts, sources in the notes.

`deck.xml.j2` says what stands on the slides, from the rows of the marts; the pages lay it out on `deck.pptx` or on the
bank's own template. What stands out, comes first or is too small to be shown is a column of its mart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bank_segments.marts import Marts, groups, tables
from bank_segments.outputs.deck.page import check_template, write_pages
from bank_segments.outputs.deck.sources import Row, fact, plain, point, printable
from bank_segments.words import (
    CONFIDENCE,
    EFFECTS,
    LANGUAGES,
    MISSING,
    PRODUCT_CLAIMS,
    SEGMENT_CLAIMS,
    STANDOUT_CLAIMS,
    Language,
    Words,
    decimals_of,
    interval_suffix,
    is_known,
    scale_of,
    words_of,
)

__all__ = ["check_template", "write_decks"]

_LABEL = 32  # characters of a name


def write_decks(
    marts: Marts,
    directory: Path,
    *,
    input_name: str,
    is_synthetic: bool,
    template: Path | None = None,
    languages: Iterable[Language] = LANGUAGES,
) -> list[Path]:
    """Write `presentation.<language>.pptx` to `directory`, and return the paths.

    `input_name` is the name of the client file as the user gave it; `template` has passed `check_template`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rows = {
        name: [
            row | {"relation": f"{'quality' if name == 'row_counts' else 'marts'}.{name}"} for row in found
        ]
        for name, found in tables(marts).items()
    }
    paths = []
    for language in languages:
        words = words_of(marts, language)
        # Labels hold so many characters, and no remarks.
        levels = {key: plain(label, _LABEL) for key, label in words.levels.items()}
        traits = {key: name.partition(" (")[0] for key, name in words.traits.items()}
        deck = _rendered(
            replace(words, levels=levels, traits=traits),
            **rows,
            run={"relation": "run.json"},
            input_name=plain(input_name, 70),
            is_synthetic=is_synthetic,
        )
        paths.append(write_pages(deck, words, directory / f"presentation.{language}.pptx", template))
    return paths


def _rendered(words: Words, **values: Any) -> ElementTree.Element:
    """What the template says of the marts' rows."""
    environment = words.environment(Path(__file__).parent)
    environment.filters |= {
        "label": lambda text: plain(text, _LABEL),
        "parts": _parts,
        "ranked": _ranked,
        "trait_name": words.trait,
    }
    environment.tests |= {"known": is_known, "shown": _is_shown}
    environment.globals |= {
        "CONFIDENCE": CONFIDENCE,
        "EFFECTS": EFFECTS,
        "MISSING": MISSING,
        "PRODUCT_CLAIMS": PRODUCT_CLAIMS,
        "RATE": ("churn_rate", "churn_rate_low", "churn_rate_high"),
        "SEGMENT_CLAIMS": SEGMENT_CLAIMS,
        "STANDOUT_CLAIMS": STANDOUT_CLAIMS,
        "decimals_of": decimals_of,
        "fact": fact,
        "find": _find,
        "groups": groups,
        "interval_of": _interval_of,
        "interval_suffix": interval_suffix,
        "per_margin": _per_margin,
        "point": point,
        "scale_of": scale_of,
        "where": _where,
    }
    return ElementTree.fromstring(printable(environment.get_template("deck.xml.j2").render(values)))


def _where(rows: Sequence[Row], **cells: object) -> list[Row]:
    """The rows with these values, in their order."""
    return [row for row in rows if all(row[column] == value for column, value in cells.items())]


def _find(rows: Sequence[Row], **cells: object) -> Row | None:
    """The first of the rows with these values."""
    return next(iter(_where(rows, **cells)), None)


def _ranked(rows: Sequence[Row], rank: str) -> list[Row]:
    """The rows that a mart ranks, in that order."""
    return sorted((row for row in rows if row[rank] is not None), key=lambda row: float(row[rank]))


def _parts(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """So many at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _is_shown(row: Mapping[str, Any] | None) -> bool:
    """Whether there is a row and it may be shown; one without clients tells of none."""
    return row is not None and (not row["is_too_small"] or row.get("clients") == 0)


def _interval_of(row: Row) -> list[str]:
    """The columns of the interval that is shown with a difference, and of its level."""
    suffix = interval_suffix(row)
    ends = [f"difference_low{suffix}", f"difference_high{suffix}"]
    return [*ends, "confidence_adjusted"] if suffix else ends


def _per_margin(row: Row) -> float | None:
    """By what a difference is multiplied to stand in units of its margin; None where it has none."""
    margin = row["equivalence_margin"]
    return 1 / margin if margin else None
