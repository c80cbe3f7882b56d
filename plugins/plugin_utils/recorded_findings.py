# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fact that carries a host's findings from step to step.

A fact may outlive its run in a fact cache, and what an earlier run found must not be heard in this one.
"""

from __future__ import annotations

from ansible import constants as C  # noqa: N812 - ansible's own name for it

FACT = "safesecrets_findings"


def of_this_run(facts):
    """Return the findings among a host's ``ansible_facts``, none where another run recorded them."""
    recorded = facts.get(FACT) or {}
    return list(recorded["findings"]) if recorded.get("run") == _run() else []


def as_facts(findings):
    """Return the facts that carry the findings."""
    return {FACT: {"run": _run(), "findings": findings}}


def _run():
    """Return what names this run: each has a temporary directory of its own, which its workers inherit."""
    return str(C.DEFAULT_LOCAL_TMP)
