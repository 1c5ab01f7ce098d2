"""The contracts in a bank's folder are those that its registers give."""

import pytest

from bank_segments.ingest.contracts import contracts
from conftest import ROOT

BANKS = sorted(path.name for path in (ROOT / "seeds/banks").iterdir())


@pytest.mark.parametrize("bank", BANKS)
def test_the_contracts_are_those_of_the_registers(bank: str) -> None:
    written = (ROOT / "seeds/banks" / bank / "contracts.yml").read_text(encoding="utf-8")
    stale = f"stale: run BANK={bank} PYTHONPATH=python python -m bank_segments.ingest.contracts"
    assert written == contracts(bank), stale
