"""The deck, in Russian and in English: titles that state the finding, editable charts, sources in the notes.

`deck.xml.j2` says what stands on the slides, from the rows of the marts; the pages lay it out on `deck.pptx` or on the
bank's own template. What stands out, comes first or is too small to be shown is a column of its mart.
"""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from jinja2 import Template

from bank_segments.marts import RELATIONS, Marts
from bank_segments.outputs.deck.page import write_pages
from bank_segments.outputs.deck.sources import Row, fact, plain, point
from bank_segments.words import Language, Words, interval_suffix, printable, scale_of, words_of

_LABEL = 40  # characters of a name


def write_deck(
    marts: Marts,
    directory: Path,
    language: Language,
    *,
    input_name: str,
    is_synthetic: bool,
    template: Path | None = None,
) -> Path:
    """Write `presentation.<language>.pptx` to `directory`, and return its path.

    `input_name` is the name of the client file as the user gave it; `template` has passed `check_template`.
    """
    rows = {name: [row | {"relation": RELATIONS[name]} for row in found] for name, found in marts.tables.items()}
    words = words_of(marts, language)
    # Labels hold so many characters.
    short = replace(words, levels={key: plain(label, _LABEL) for key, label in words.levels.items()})
    deck = _template(short).render(
        rows, run={"relation": "run.json"}, input_name=plain(input_name, 70), is_synthetic=is_synthetic
    )
    path = directory / f"presentation.{language}.pptx"
    return write_pages(ElementTree.fromstring(printable(deck)), words, path, template)


def _template(words: Words) -> Template:
    environment = words.environment()
    environment.filters["label"] = lambda text: plain(text, _LABEL)
    environment.globals |= {
        "fact": fact,
        "interval_of": _interval_of,
        "interval_suffix": interval_suffix,
        "per_margin": _per_margin,
        "point": point,
        "scale_of": scale_of,
    }
    return environment.get_template("deck/deck.xml.j2")


def _interval_of(row: Row) -> list[str]:
    """The columns of the interval that is shown with a difference, and of its level."""
    suffix = interval_suffix(row)
    ends = [f"difference_low{suffix}", f"difference_high{suffix}"]
    return [*ends, "confidence_adjusted"] if suffix else ends


def _per_margin(row: Row) -> float | None:
    """By what a difference is multiplied to stand in units of its margin; None where it has none."""
    margin = row["equivalence_margin"]
    return 1 / margin if margin else None
