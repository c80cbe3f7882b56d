#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: record_findings
version_added: 0.1.0
short_description: Record what a step found, then fail when that is a failure
description:
  - Appends O(observed) to what was recorded of the host, its fact C(safesecrets_findings), which the filter
    P(safesecrets.infra.recorded_findings#filter) reads.
  - The callback P(safesecrets.infra.findings#callback) prints what was recorded and writes it at the end of the run,
    what was found by a task that failed included.
  - Then fails when a finding has the status V(fail), or V(unproven) with O(strict) outside check mode, and says what
    was found wrong and what to do. Everything is recorded first, so that the report also shows what passed.
  - The same finding recorded twice counts once, the newer one.
options:
  observed:
    description:
      - What the step found, each in the form of C(finding) in docs/schemas/report.schema.json.
      - Never empty. A step that had nothing to look at says so with the status V(not_applicable).
    type: list
    elements: dict
    required: true
  record:
    description:
      - Whether to record. V(false) only fails at what was recorded earlier, which may be nothing.
    type: bool
    default: true
  stop:
    description:
      - Whether a failure ends the run. A playbook that only looks records everything first, and stops at its end.
      - Without it the variable C(findings_stop) of the play decides, and without that a failure ends the run.
    type: bool
  strict:
    description:
      - Whether a finding with the status V(unproven) fails the run too. Never in check mode.
      - Without it the variable C(findings_strict) of the play decides, and without that C(safesecrets_strict).
    type: bool
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
notes:
  - Runs on the controller, without a connection to the host. AWS is not called, no IAM action is needed.
  - When the task fails, Ansible keeps no fact of it. C(safesecrets_findings) then lacks the findings of that task, the
    report does not.
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - safesecrets.infra.attributes
"""

EXAMPLES = r"""
- name: Record the findings
  safesecrets.infra.record_findings:
    observed: "{{ safesecrets_voices | safesecrets.infra.polly_voice_findings(polly_voices_regions) }}"

- name: Stop where something was found wrong
  safesecrets.infra.record_findings:
    observed: "{{ ansible_facts | safesecrets.infra.recorded_findings }}"
    record: false
    stop: true
"""

RETURN = r"""
ansible_facts:
  description: The findings of this host so far.
  returned: when O(record) and the task did not fail
  type: dict
  contains:
    safesecrets_findings:
      description: What names the run, as C(run), and the earlier findings, then these, as C(findings).
      type: dict
"""
