# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the hand-overs lie: one option for whoever writes and whoever reads them."""

from __future__ import annotations


class ModuleDocFragment:
    """The option ``directory``."""

    DOCUMENTATION = r"""
options:
  directory:
    description:
      - The directory of all hand-overs. The callback creates it. C(report.json), C(report.html) and the shards, which
        hold all evidence, have the mode C(0600), the files made for others C(0644).
      - A relative path starts at the working directory, or at C(ansible.cfg) when it is set there.
    type: path
    default: handover
    env:
      - name: SAFESECRETS_HANDOVER
    ini:
      - section: callback_findings
        key: directory
"""
