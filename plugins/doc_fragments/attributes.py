# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules of this collection say of check mode and diff mode."""

from __future__ import annotations


class ModuleDocFragment:
    """Descriptions only: each module adds its own ``support``."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return a prediction of the changed status without changing the target.
  diff_mode:
    description: Returns details on what has changed, or possibly needs changing in check mode, when in diff mode.
"""

    # For modules that only look.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: This module changes nothing.
    description: Can run in check mode and return a prediction of the changed status without changing the target.
  diff_mode:
    support: N/A
    details: This module changes nothing.
    description: Returns details on what has changed, or possibly needs changing in check mode, when in diff mode.
"""
