#!/usr/bin/python
# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
---
module: handover_report
version_added: 0.1.0
short_description: Render the hand-over from an old report, or from the shards of several hosts
description:
  - Renders C(report.html), C(report.md), C(junit.xml) and C(safesecrets.env) from a C(report.json) of an earlier run,
    as the callback P(safesecrets.infra.findings#callback) does at the end of a run.
  - Given O(shards) instead, first merges what runs found on their hosts into one report, for runs that were limited to
    one host each or wrote to different directories.
  - Files are written atomically. C(report.json) and C(report.html), which hold all evidence, have the mode C(0600), the
    others C(0644).
options:
  report:
    description: The C(report.json) to render. The files are written beside it.
    type: path
  shards:
    description: The shards to merge, one a host, of one account, configuration and version.
    type: list
    elements: path
  outdated:
    description:
      - What to do with shards of another account, configuration or version than the newest one's, and with files that
        are no shards. V(refuse) fails and names them, V(leave_out) merges the others and says so in the report.
      - A proof that has expired is V(unproven) in the merged report, whatever it was.
    type: str
    choices: [refuse, leave_out]
    default: refuse
  directory:
    description:
      - The directory of all hand-overs. The merged report gets a folder of its own in it, which C(latest) leads to.
      - Needed with O(shards).
    type: path
  templates:
    description: The directory of the templates, those of the role P(safesecrets.infra.handover#role).
    type: path
    required: true
requirements:
  - jinja2, which ansible-core brings along
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
notes:
  - AWS is not called, no IAM action is needed. Runs on the controller.
author: SafeSecrets infrastructure team (@safesecrets)
extends_documentation_fragment:
  - safesecrets.infra.attributes
"""

EXAMPLES = r"""
- name: Render an old report again
  safesecrets.infra.handover_report:
    report: handover/runs/2026-11-23T083029Z-6a4ba836/report.json
    templates: "{{ role_path }}/templates"

- name: Merge what two controllers found on a host each
  safesecrets.infra.handover_report:
    shards: [one/handover/shards/app-1.json, other/handover/shards/app-2.json]
    directory: handover
    templates: "{{ role_path }}/templates"
"""

RETURN = r"""
directory:
  description: The folder that holds the files.
  returned: success
  type: str
  sample: /srv/safesecrets/handover/runs/2026-11-23T083029Z-6a4ba836
files:
  description: The names of the files, and whether each was written, or would be.
  returned: success
  type: dict
  sample: {report.json: false, report.html: true, report.md: true, junit.xml: true, safesecrets.env: false}
verdict:
  description: The verdict of the report.
  returned: success
  type: str
  sample: pass
"""

import json
from datetime import datetime, timezone
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.safesecrets.infra.plugins.module_utils import handover_files, handover_render, merged_report
from ansible_collections.safesecrets.infra.plugins.module_utils.report import overall


def read(path):
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} could not be read: {error.strerror}. Name a file that a run has written.") from error
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}. Name a file that a run has written.") from error
    if not isinstance(found, dict):
        raise TypeError(f"{path} holds a {type(found).__name__}. Name a file that a run has written.")
    return found


def merged(paths, leave_out):
    """Merge shards; what cannot be read or is outdated is left out and named, or refused."""
    now = datetime.now(timezone.utc)
    if not leave_out:
        return merged_report.merged_report([read(path) for path in paths], now)
    known = {Path(path).name: read_if_usable(path) for path in paths}
    shards, outdated = merged_report.of_the_newest_run([each for each in known.values() if each])
    return merged_report.merged_report(shards, now, [*(name for name in known if not known[name]), *outdated])


def read_if_usable(path):
    try:
        return read(path)
    except (TypeError, ValueError):
        return None


def hand_over(parameters, check_mode):
    """Return the folder, what is written of each file, the verdict, and whether ``latest`` moves."""
    if parameters["report"]:
        report, folder = read(parameters["report"]), Path(parameters["report"]).absolute().parent
    else:
        report = merged(parameters["shards"], parameters["outdated"] == "leave_out")
        folder = handover_files.folder_of_run(Path(parameters["directory"]).absolute(), report)
    texts = {"report.json": handover_files.as_text(report)} if parameters["shards"] else {}
    texts.update(handover_render.rendered(report, Path(parameters["templates"])))
    write = handover_files.differs if check_mode else handover_files.write
    files = {name: write(folder / name, text, handover_files.MODES[name]) for name, text in texts.items()}
    if parameters["shards"] and not check_mode:
        handover_files.point_latest(Path(parameters["directory"]).absolute(), folder)
    return {"directory": str(folder), "files": files, "verdict": overall(report), "changed": any(files.values())}


def main():
    module = AnsibleModule(
        argument_spec={
            "report": {"type": "path"},
            "shards": {"type": "list", "elements": "path"},
            "outdated": {"type": "str", "choices": ["refuse", "leave_out"], "default": "refuse"},
            "directory": {"type": "path"},
            "templates": {"type": "path", "required": True},
        },
        mutually_exclusive=[("report", "shards")],
        required_one_of=[("report", "shards")],
        required_by={"shards": ["directory"]},
        supports_check_mode=True,
    )
    try:
        module.exit_json(**hand_over(module.params, module.check_mode))
    except OSError as error:
        module.fail_json(msg=f"The hand-over could not be written: {error}. Name a directory that can be written.")
    except (TypeError, ValueError, handover_render.RenderError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
