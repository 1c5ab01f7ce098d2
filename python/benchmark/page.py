"""The benchmark's table, bars, chart and page, from what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LABELS = {"project": "project / проект", "scan": "bare scan / чтение", "pandas": "pandas", "polars": "polars"}
MARKS = ("<!-- benchmark -->", "<!-- /benchmark -->")
# The slowest answer of a view, in milliseconds.
SLOWEST_VIEW = 200
# What a machine must have for a report on the most clients: memory in GiB, disk in GB.
MOST_MEMORY = 24
MOST_DISK = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise, the figure that was measured, and whether it holds; None where it was not measured."""

    promise: str
    figure: str
    holds: bool | None

    def __str__(self) -> str:
        """The bar as one line."""
        verdict = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}[self.holds]
        return f"{self.promise}: {self.figure} - {verdict}"


def _total(size: dict[str, Any], contender: str) -> float:
    return float(sum(size["contenders"][contender]["seconds"].values()))


def bars(results: dict[str, Any]) -> list[Bar]:
    """Return every bar of the scale issue with its figure."""
    return list(_bars(results))


def _bars(results: dict[str, Any]) -> Iterator[Bar]:
    sizes = {int(rows): size for rows, size in results["sizes"].items()}
    ten, hundred = sizes.get(10_000_000), sizes.get(100_000_000)
    start = results.get("start")
    if start:
        yield _at_most(
            "10,000 rows, warm: make report / bare dbt build", start["report"] / start["build"], 2.0
        )
        yield _at_most("make report on the sample, seconds", start["report"], 20)
    if sizes and max(sizes) >= 1_000_000:
        largest = sizes[max(sizes)]
        yield _at_least(
            "generator, million rows a second", largest["rows"] / largest["generator_seconds"] / 1e6, 1
        )
    for name, least in (("pandas", 5.0), ("polars", 1.5)):
        promise = f"10 million rows, without loading: {name} / project, seconds"
        if ten and name in ten["contenders"]:
            yield _at_least(promise, _total(ten, name) / _total(ten, "project"), least)
        else:
            yield Bar(promise, "-", None)
    if ten and "pandas" in ten["contenders"]:
        share = ten["contenders"]["project"]["peak_mib"] / ten["contenders"]["pandas"]["peak_mib"]
        yield _at_most("10 million rows: peak memory, project / pandas", share, 1 / 3)
    if hundred:
        yield _at_most(
            "100 million rows: all marts / bare scan of their columns",
            _total(hundred, "project") / _total(hundred, "scan"),
            40,
        )
        if ten:
            growth = _total(hundred, "project") / _total(ten, "project")
            yield _at_most("growth from 10 to 100 million rows", growth, 11)
        views = {name: taken for name, (kind, taken) in hundred["answers"].items() if kind == "view"}
        slowest = max(views, key=lambda name: views[name])
        yield _at_most(
            f"100 million rows: slowest view of the published file ({slowest}), ms",
            views[slowest],
            SLOWEST_VIEW,
        )
    else:
        yield Bar("100 million rows", "-", None)
    if whole := results.get("whole_report"):
        promise = f"make report on {whole['rows']:,} rows, {whole['seconds'] / 60:.1f} min"
        yield _at_most(f"{promise}: memory of its processes, GiB", whole["peak_mib"] / 2**10, MOST_MEMORY)
        yield _at_most(f"{promise}: disk, GB", whole["disk_mib"] * 2**20 / 1e9, MOST_DISK)
    else:
        yield Bar("make report on the most rows", "-", None)


def _at_most(promise: str, figure: float, limit: float) -> Bar:
    return Bar(f"{promise} (at most {limit:.3g})", f"{figure:.3g}", figure <= limit)


def _at_least(promise: str, figure: float, limit: float) -> Bar:
    return Bar(f"{promise} (at least {limit:.3g})", f"{figure:.3g}", figure >= limit)


def table(results: dict[str, Any]) -> str:
    """Return the Markdown table: seconds, ratio to the project, growth per tenfold of rows and peak memory."""
    lines = [
        "| rows | contender | seconds | times the project | growth per tenfold | peak memory, MiB |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    before: dict[str, float] = {}
    for rows in sorted(map(int, results["sizes"])):
        size = results["sizes"][str(rows)]
        now = {name: _total(size, name) for name in LABELS if name in size["contenders"]}
        for name, seconds in now.items():
            growth = f"{seconds / before[name]:.1f}" if name in before else ""
            lines.append(
                f"| {rows:,} | {LABELS[name]} | {seconds:.3g} | {seconds / now['project']:.2f} | {growth} |"
                f" {size['contenders'][name]['peak_mib']:,.0f} |"
            )
        before = now if str(10 * rows) in results["sizes"] else {}
    return "\n".join(lines)


def steps(results: dict[str, Any]) -> str:
    """Return the Markdown table of the project's own steps, in seconds."""
    sizes = [results["sizes"][rows] for rows in sorted(results["sizes"], key=int)]
    names = list(sizes[-1]["contenders"]["project"]["seconds"])
    lines = [
        "| rows | load, staging | " + " | ".join(names) + " | published file |",
        "| ---: | ---: | " + " | ".join("---:" for _ in names) + " | ---: |",
    ]
    for size in sizes:
        seconds = size["contenders"]["project"]["seconds"]
        cells = [size["load_seconds"], *(seconds[name] for name in names), size["publish_seconds"]]
        lines.append(f"| {size['rows']:,} | " + " | ".join(f"{cell:.3g}" for cell in cells) + " |")
    return "\n".join(lines)


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw seconds over rows, both on logarithmic scales."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5))
    for name, label in LABELS.items():
        points = [
            (int(rows), _total(size, name))
            for rows, size in sorted(results["sizes"].items(), key=_rows_of)
            if name in size["contenders"]
        ]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", label=label)
    axes.set(xscale="log", yscale="log", xlabel="clients / клиенты", ylabel="seconds / секунды")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def machine(results: dict[str, Any]) -> str:
    """Name the machine, and how much else it had to do: above 0, other programs took their part of the cores."""
    loads = ", ".join(
        f"{size['load_average']:.1f}" for _, size in sorted(results["sizes"].items(), key=_rows_of)
    )
    return f"{results['machine']}; load average before each size {loads}"


def _rows_of(item: tuple[str, Any]) -> int:
    return int(item[0])


def write(results: dict[str, Any], root: Path) -> None:
    """Write the page, the chart, and the table between the marks in README.md."""
    draw(results, root / "models/assets/benchmark.png")
    held = "\n".join(f"- {bar}" for bar in bars(results))
    text = f"""{{% docs benchmark %}}

# Сколько времени занимают модели / How long the models take

Что измерено: всё, что выше слоя staging, — группы и сегменты, портреты, квартили, гипотезы, витрины — на синтетических
клиентах; загрузка не считается ни у кого. pandas считает то же так, как в открытых тетрадях, polars — ленивыми
запросами, «чтение» — один проход по хранимым столбцам `dim_clients`, быстрее которого нельзя. Каждый участник работает
в своём процессе, и все цифры у них совпадают. Чего нет в таблице, то не измерено.

What is measured: everything above the staging layer (bands and segments, portraits, quartiles, hypotheses, marts) on
synthetic clients; loading counts for nobody. pandas computes the same the way public notebooks do, polars by lazy
queries, and the bare scan reads every stored column of `dim_clients` once, which nothing can beat. Each runs in a
process of its own, and all agree on every figure. What is not in the table was not measured.

{machine(results)}. `make benchmark` repeats it.

{table(results)}

{steps(results)}

![Секунды по числу клиентов / Seconds by number of clients](../assets/benchmark.png)

{held}

{{% enddocs %}}
"""
    page = root / "models/docs/benchmark.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
    readme = root / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(MARKS[0])
    if rest:
        after = rest.partition(MARKS[1])[2]
        readme.write_text(
            f"{before}{MARKS[0]}\n{machine(results)}.\n\n{table(results)}\n\n{held}\n{MARKS[1]}{after}",
            encoding="utf-8",
        )
