"""The calls that AWS's command line has no command for: streams of Bedrock and of Transcribe, as the host.

``python -m benchmarks.streams PLAN``: one process for all of them, which favours who calls it.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

from benchmarks import floor, work

STREAMS = ("InvokeModelWithResponseStream", "StartStreamTranscription")


def main(path: str) -> int:
    """Make the calls, and say which came to something else than is wanted."""
    plan = json.loads(Path(path).read_text(encoding="utf-8"))
    run = floor.Floor(plan)
    calls = work.calls(plan["regions"], plan["control_region"], plan["control_model"])
    streams = [call for call in calls if call["operation"] in STREAMS]
    credentials = floor.host_credentials(plan["imds_endpoint"])
    host = floor.Aws(credentials, plan["endpoint_url"])
    for region in sorted({call["region"] for call in streams}):
        host.client(floor.SERVICES["bedrock"], region)
    connection = {"endpoint_url": plan["endpoint_url"], "ca_bundle": plan["ca_bundle"], "timeout": 20}
    make = partial(floor.make_call, host, credentials, connection)
    run.judge_calls(list(zip(streams, run.threads.map(make, streams), strict=True)))
    sys.stdout.write("".join(f"FAIL {failure}\n" for failure in run.failures))
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
