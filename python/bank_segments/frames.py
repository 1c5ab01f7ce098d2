"""Rows between dbt's relations and the pure functions that the Python models call."""

from collections.abc import Sequence
from typing import Any, get_type_hints

import pandas as pd

# The nullable pandas type of a field, so that no missing value turns into NaN or 0. Text needs one, too: DuckDB gives
# an object column without a single value the type NULL.
_OF_TYPE = {float: "Float64", int: "Int64", bool: "boolean", str: "string"}
_FRAME_TYPES: dict[object, Any] = _OF_TYPE | {kind | None: name for kind, name in _OF_TYPE.items()}


def records(relation: Any) -> list[dict[str, Any]]:
    """Fetch a relation as dictionaries of Python values: a frame would round exact sums to doubles."""
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def rows_frame(rows: Sequence[Any], row_type: type) -> pd.DataFrame:
    """Return the rows as a frame with one column per field of `row_type`, in the fields' order."""
    return pd.DataFrame(
        {
            name: pd.Series([getattr(row, name) for row in rows], dtype=_FRAME_TYPES[hint])
            for name, hint in get_type_hints(row_type).items()
        }
    )
