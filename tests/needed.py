"""What a test needs of the machine that it runs on."""

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """A user without something skips the tests that need it, CI must have it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
