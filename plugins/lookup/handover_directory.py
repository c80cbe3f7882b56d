# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Says where the callback writes the hand-overs."""

from __future__ import annotations

DOCUMENTATION = r"""
name: handover_directory
author: SafeSecrets infrastructure team (@safesecrets)
version_added: 0.1.0
short_description: Says where the hand-overs lie
description:
  - Returns the absolute path of the directory that the callback P(safesecrets.infra.findings#callback) writes to.
options: {}
extends_documentation_fragment:
  - safesecrets.infra.handover
"""

EXAMPLES = r"""
- name: Show the newest report
  ansible.builtin.debug:
    msg: "{{ lookup('safesecrets.infra.handover_directory') }}/latest/report.html"
"""

RETURN = r"""
_raw:
  description: The path.
  type: list
  elements: path
"""

from pathlib import Path

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return [str(Path(self.get_option("directory")).absolute())]
