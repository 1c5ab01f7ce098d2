"""The benchmark's promises, chart and page, from what was measured; the page's words and tables are in page.md.j2."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from matplotlib.figure import Figure

LABELS = {"project": "project / проект", "scan": "bare scan / чтение", "pandas": "pandas", "polars": "polars"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise, the figure that was measured, or None, and the limit that it must not pass."""

    promise: str
    figure: float | None
    limit: float
    is_at_most: bool

    @property
    def holds(self) -> bool | None:
        """Whether the promise holds; None where it was not measured."""
        if self.figure is None:
            return None
        return self.figure <= self.limit if self.is_at_most else self.figure >= self.limit

    def __str__(self) -> str:
        """The bar as one line."""
        verdict = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}[self.holds]
        limit = f"at {'most' if self.is_at_most else 'least'} {self.limit:.3g}"
        return f"{self.promise} ({limit}): {'-' if self.figure is None else f'{self.figure:.3g}'} - {verdict}"


def total(size: dict[str, Any], contender: str) -> float:
    """Return the seconds of a contender: the median of its runs."""
    return float(statistics.median(size["contenders"][contender]["seconds"]))


def _times(rows: int, one: str, other: str) -> Callable[[dict[str, Any]], float]:
    """How many times the seconds of another contender one took, on so many rows."""

    def ratio(results: dict[str, Any]) -> float:
        size = results["sizes"][str(rows)]
        return total(size, one) / total(size, other)

    return ratio


def _growth(results: dict[str, Any]) -> float:
    ten, hundred = (results["sizes"][rows] for rows in ("10000000", "100000000"))
    return total(hundred, "project") / total(ten, "project")


def _peak(results: dict[str, Any], rows: int, contender: str) -> float:
    return float(results["sizes"][str(rows)]["contenders"][contender]["peak_bytes"])


def _generator(results: dict[str, Any]) -> float:
    largest = [size for size in _sizes(results) if size["rows"] >= 1_000_000][-1]
    return float(largest["rows"] / largest["generator_seconds"] / 1e6)


# What is promised, at most or at least how much, and how it is read from the results.
AT_MOST: dict[str, tuple[float, Callable[[dict[str, Any]], float]]] = {
    "make report on the sample / the smallest dbt project": (
        4.0,
        lambda results: results["start"]["report"] / results["start"]["smallest"],
    ),
    "10 million rows: peak memory, project / pandas": (
        1 / 3,
        lambda results: _peak(results, 10_000_000, "project") / _peak(results, 10_000_000, "pandas"),
    ),
    "100 million rows: project / bare scan of its columns": (13, _times(100_000_000, "project", "scan")),
    "growth from 10 to 100 million rows": (9, _growth),
    "100 million rows: peak memory, GB": (12, lambda results: _peak(results, 100_000_000, "project") / 1e9),
    "100 million rows: slowest answer of the published file, ms": (
        200,
        lambda results: max(results["sizes"]["100000000"]["answers"].values()),
    ),
    # What a machine must have for a report on the most clients.
    "make report on the most rows: memory of its processes, GiB": (
        24,
        lambda results: results["whole_report"]["peak_mib"] / 2**10,
    ),
    "make report on the most rows: disk, GB": (
        20,
        lambda results: results["whole_report"]["disk_mib"] * 2**20 / 1e9,
    ),
}
AT_LEAST: dict[str, tuple[float, Callable[[dict[str, Any]], float]]] = {
    "generator, million rows a second": (1, _generator),
    **{
        f"{rows:,} rows, without loading: {contender} / project, seconds": (
            least,
            _times(rows, contender, "project"),
        )
        for rows, contender, least in (
            (10_000, "pandas", 0.7),
            (100_000, "polars", 0.6),
            (1_000_000, "polars", 1.0),
            (1_000_000, "pandas", 8.0),
            (10_000_000, "polars", 2.0),
            (10_000_000, "pandas", 20.0),
        )
    },
}


def bars(results: dict[str, Any]) -> Iterator[Bar]:
    """Yield every promise with its figure."""
    for promises in (AT_MOST, AT_LEAST):
        for promise, (limit, read) in promises.items():
            try:
                figure = read(results)
            except LookupError:
                figure = None
            yield Bar(promise, figure, limit, is_at_most=promises is AT_MOST)


def _sizes(results: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(results["sizes"].values(), key=lambda size: int(size["rows"]))


def text(results: dict[str, Any]) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {"total": total, "labels": LABELS}
    environment.filters |= {
        "thousands": "{:,.0f}".format,
        "decimal": "{:.1f}".format,
        "figure": "{:.3g}".format,
    }
    page = environment.get_template("page.md.j2")
    return page.render(results | {"sizes": _sizes(results), "bars": bars(results)})


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw seconds over rows, both on logarithmic scales."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, label in LABELS.items():
        points = [(size["rows"], total(size, name)) for size in _sizes(results) if name in size["contenders"]]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", label=label)
    axes.set(xscale="log", yscale="log", xlabel="clients / клиенты", ylabel="seconds / секунды")
    axes.grid(alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
