"""The page models/docs/calibration.md, whose words and tables are in page.md.j2."""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from calibration.rates import BAND

SECTIONS = ("rates", "power", "ranks")

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.globals["band"] = BAND
_ENVIRONMENT.filters |= {
    "percent": lambda share: f"{100 * share:.2f} %",
    "decimals": lambda number: f"{number:.2f}",
    "thousands": lambda number: f"{number:,}".replace(",", "\N{NO-BREAK SPACE}"),
}
_TEMPLATE = _ENVIRONMENT.get_template("page.md.j2")


def section(name: str, measured: object, stamp: str) -> str:
    """Write one of SECTIONS: rates of `error_rates`, power curves with those measured again, or rank runs."""
    macro: Callable[..., str] = getattr(_TEMPLATE.module, name)
    return str(macro(measured, stamp))


def write_docs(output: Path, docs: Path) -> None:
    """Put the sections together into the dbt docs block `calibration`; raises ValueError where one is missing."""
    missing = [name for name in SECTIONS if not (output / f"{name}.md").exists()]
    if missing:
        raise ValueError(f"{docs} was not written: its sections {', '.join(missing)} have not been measured yet.")
    sections = [(output / f"{name}.md").read_text(encoding="utf-8") for name in SECTIONS]
    docs.write_text(_TEMPLATE.render(sections=sections), encoding="utf-8")
