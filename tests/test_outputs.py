"""No output states what no mart says: it neither compares, ranks nor sums up the figures of the marts."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from bank_segments.marts import Marts
from conftest import ROOT

OUTPUTS = ROOT / "python/bank_segments/outputs"
TEXTS = [*OUTPUTS.rglob("*.py"), *OUTPUTS.rglob("*.j2")]
CALLS = {
    *("max", "min", "sum", "mean", "round", "rank", "sort", "sorted", "sort_values", "nlargest", "nsmallest"),
    *("idxmax", "idxmin", "argmax", "argmin"),
}
ORDERS = {*("lt", "lteq", "gt", "gteq"), ast.Lt, ast.LtE, ast.Gt, ast.GtE}


@pytest.fixture(scope="module")
def figures(marts: Marts) -> set[str]:
    """The columns of the marts with figures; places in an order are none."""
    columns = {name for field in fields(marts) for name in getattr(marts, field.name).select_dtypes("number")}
    return {name for name in columns if not name.endswith(("_rank", "sort_order", "product_count"))}


def derivations(text: str, is_template: bool) -> Iterator[tuple[int, set[str]]]:
    """The lines that compare, rank, sum up, divide or subtract, with the names that they do it to."""
    if is_template:
        for node in Environment(extensions=["jinja2.ext.i18n"]).parse(text).find_all(nodes.Expr):
            compares = isinstance(node, nodes.Compare) and ORDERS & {operand.op for operand in node.ops}
            if (
                compares
                or isinstance(node, nodes.Div | nodes.Sub)
                or (isinstance(node, nodes.Filter) and node.name in CALLS)
            ):
                names = {each.attr for each in node.find_all(nodes.Getattr)}
                yield node.lineno, names | {str(each.value) for each in node.find_all(nodes.Const)}
        return
    for each in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.expr)):
        compares = isinstance(each, ast.Compare) and ORDERS & {type(operator) for operator in each.ops}
        called = getattr(each.func, "attr", getattr(each.func, "id", "")) if isinstance(each, ast.Call) else ""
        if compares or called in CALLS or (isinstance(each, ast.BinOp) and isinstance(each.op, ast.Div | ast.Sub)):
            within = list(ast.walk(each))
            names = {part.attr for part in within if isinstance(part, ast.Attribute)}
            yield each.lineno, names | {str(part.value) for part in within if isinstance(part, ast.Constant)}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(OUTPUTS)))
def test_outputs_derive_no_figure(path: Path, figures: set[str]) -> None:
    found = derivations(path.read_text(encoding="utf-8"), path.suffix == ".j2")
    assert {line: names & figures for line, names in found if names & figures} == {}


@pytest.mark.parametrize(
    ("text", "is_template"),
    [
        ('rows.nlargest(1, "churn_rate")', False),
        ('if row["churn_rate_low"] > bank: pass', False),
        ('max(rows["clients"])', False),
        ('row["churned_clients"] / row["clients"]', False),
        ('row["clients"] - row["churned_clients"]', False),
        ("{{ rows | max(attribute='clients') }}", True),
        ("{% if row.lift | round(1) <= 1 %}{% endif %}", True),
        ("{{ row.churned_clients / row.clients }}", True),
        ("{{ row.clients - row.churned_clients }}", True),
    ],
)
def test_a_derived_figure_is_found(text: str, is_template: bool, figures: set[str]) -> None:
    assert any(names & figures for _, names in derivations(text, is_template))
