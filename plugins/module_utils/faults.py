# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a variable, and what to write instead.

Alone, since modules on a host carry it along.
"""

from __future__ import annotations

from collections.abc import Iterable

Fault = dict[str, str]


def fault(variable: str, what: str, remedy: str) -> Fault:
    """Build one fault. ``what`` reads on from the variable's name: "is empty"."""
    return {"variable": variable, "fault": what, "remedy": remedy}


def explain_faults(faults: Iterable[Fault]) -> str:
    """Say what is wrong and what to write instead, a line a fault, for an error message."""
    return "\n".join(f"{each['variable']} {each['fault']}. Remedy: {each['remedy']}" for each in faults)
