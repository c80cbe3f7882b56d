# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures of the unit tests; what they give is explained in ``module_runner.py``."""

from __future__ import annotations

import pytest

from tests.unit.module_runner import ModuleRunner, StubbedClients


@pytest.fixture
def aws() -> StubbedClients:
    """Give botocore clients that answer from tables instead of the network."""
    return StubbedClients()


@pytest.fixture
def run_module(aws: StubbedClients) -> ModuleRunner:
    """Run a module's ``main()`` with arguments, its clients taken from ``aws``."""
    return ModuleRunner(aws)
