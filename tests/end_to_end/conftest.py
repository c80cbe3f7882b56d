"""Fixtures of the end-to-end tests; what they give is explained in ``playbook_run.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.playbook_run import Lab, running_lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab whose account is the one that the requirements describe."""
    with running_lab("today", tmp_path / "lab") as started:
        yield started
