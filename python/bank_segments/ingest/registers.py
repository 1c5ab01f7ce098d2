"""Says in one sentence where the registers of a bank contradict themselves, before anything is built from them."""

from collections.abc import Iterator
from pathlib import Path

from babel.numbers import is_currency

from bank_segments import BANK, ROOT, known_banks, register_rows
from bank_segments.errors import shown

BANKS = ROOT / "seeds/banks"
ROLES = ("id", "outcome", "product_count", "split", "trait", "ignored")
KINDS = ("integer", "money", "number", "category", "flag")
# A register, a line of it, a column, and what is wrong there.
Fault = tuple[str, int, str, str]


def refusal(bank: str = BANK) -> str | None:
    """Why there can be no report of a bank, None where its registers agree."""
    known = known_banks()
    if bank not in known:
        return f"There is no bank {shown(bank)} in seeds/banks; known are {', '.join(known)}."
    folder = Path("seeds/banks") / bank
    needed = {path.name for path in (ROOT / "seeds/registers").glob("*.yml")} | {"contracts.yml"}
    for name in sorted(needed):
        file = name if name == "contracts.yml" else name.replace(".yml", ".csv")
        if not (BANKS / bank / file).exists():
            return f"{folder / file} is missing: every bank has that register; take the one of another bank as a start."
    if doubt := next(doubts(BANKS / bank / "proposal.md"), None):
        line, question = doubt
        return (
            f"{folder}/proposal.md, line {line}: {question} Answer it in the register and delete that line."
        )
    for register, line, column, what in faults(bank):
        return f"{folder / register}.csv, line {line}, column {column}: {what}."
    return None


def doubts(page: Path) -> Iterator[tuple[int, str]]:
    """The questions of a proposal that nobody has answered, with their lines."""
    if page.exists():
        for line, text in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            if text.startswith("TODO: "):
                yield line, text


def faults(bank: str) -> Iterator[Fault]:
    """What contradicts itself, register by register; the header is line 1."""
    columns = lines(bank, "columns")
    yield from column_faults(columns)
    kinds = {row["column_name"]: row["kind"] for _, row in columns}
    meanings: dict[tuple[str, str], str] = {}
    for register, key in (("allowed_values", "value"), ("value_synonyms", "raw_value")):
        for line, row in lines(bank, register):
            code = (row["column_name"], row[key].lower())
            meaning = meanings.setdefault(code, row["value"])
            if meaning != row["value"]:
                what = "both yes and no" if kinds.get(code[0]) == "flag" else f"{meaning} and {row['value']}"
                yield register, line, key, f"{row[key]} of {code[0]} means {what}; leave one"
    upper: dict[str, str] = {}
    for line, row in lines(bank, "bands"):
        name, low, up = row["column_name"], row["lower_bound"], row["upper_bound"]
        if upper.get(name, low) != low or (low and up and int(low) >= int(up)):
            yield (
                "bands",
                line,
                "lower_bound",
                f"the band from {low or 'below'} of {name} does not begin where the last ends",
            )
        upper[name] = up
    for line, row in lines(bank, "bank"):
        if not is_currency(row["currency"]):
            yield (
                "bank",
                line,
                "currency",
                f"{row['currency'] or 'nothing'} is no currency of ISO 4217, such as RUB",
            )
    everywhere = {row["column_name"] for each in known_banks() for row in register_rows("columns", each)}
    for line, row in lines(bank, "segment_rules"):
        name = row["column_name"]
        if name.removeprefix("has_") not in everywhere and name not in everywhere:
            yield (
                "segment_rules",
                line,
                "column_name",
                f"no bank has a column {name}; columns.csv names those there are",
            )


def column_faults(columns: list[tuple[int, dict[str, str]]]) -> Iterator[Fault]:
    """What is wrong in columns.csv."""
    for line, row in columns:
        if row["role"] not in ROLES:
            yield (
                "columns",
                line,
                "role",
                f"{row['role'] or 'nothing'} is no role; it may be {', '.join(ROLES)}",
            )
        elif row["role"] != "ignored" and row["kind"] not in KINDS:
            yield (
                "columns",
                line,
                "kind",
                f"{row['kind'] or 'nothing'} is no kind; it may be {', '.join(KINDS)}",
            )
    for role, name in (
        ("id", "client_id"),
        ("outcome", "is_churned"),
        ("product_count", "product_count"),
        ("split", ""),
    ):
        found = [(line, row) for line, row in columns if row["role"] == role]
        if len(found) > 1:
            yield (
                "columns",
                found[1][0],
                "role",
                f"a second column has the role {role}; give it another, such as trait",
            )
        elif not found and role in ("id", "outcome"):
            yield "columns", 1, "role", f"no column has the role {role}; every bank has one"
        for line, row in found:
            if name and row["column_name"] != name:
                yield (
                    "columns",
                    line,
                    "column_name",
                    f"the {role} is called {name} at every bank, not {row['column_name']}",
                )


def lines(bank: str, register: str) -> list[tuple[int, dict[str, str]]]:
    """The rows of a register with their lines."""
    return list(enumerate(register_rows(register, bank), start=2))
