# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host's side of the probe: check the travelling file, take it off the disk, run it without privileges."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import static_keys
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe import connections

OPERATIONS = {
    "bedrock": ("InvokeModel", "InvokeModelWithResponseStream"),
    "polly": ("SynthesizeSpeech",),
    "transcribe": ("StartStreamTranscription",),
}
#: How the action plugin names what it sends; its folder is one of Ansible's own.
FILE_PATTERN = "service-probe-*.pyz"
FOLDER_PATTERN = "ansible-tmp-*"
#: A file that lies there longer was left by a run that was killed.
LEFT_BEHIND_SECONDS = 3600
#: Beyond a call's own limits, for starting Python and importing.
STARTING_SECONDS = 30
NOBODY = "nobody"


class ProbeError(Exception):
    """The probe could not be made; the text says why and what to do."""


def probe(parameters: Mapping[str, Any], calls_allowed: bool) -> dict[str, Any]:
    """Look for static keys, open the connections and make the calls; these two at the same time."""
    _check(parameters["calls"])
    user = _unprivileged_user(parameters["user"])
    keys = _static_keys(parameters, user)
    ca_bundle = _ca_bundle(parameters)
    wanted = calls_allowed and not keys["found"] and bool(parameters["calls"] or parameters["provider"])
    connect = partial(connections.connect, ca_bundle=ca_bundle, timeout=parameters["timeout"])
    with ThreadPoolExecutor(max(len(parameters["connections"]), 1)) as threads:
        opened = [threads.submit(connect, each) for each in parameters["connections"]]
        called = _call(parameters, user, ca_bundle) if wanted else {"results": [], "credentials": None}
        return {**called, "connections": [each.result() for each in opened], "static_keys": keys}


def _check(calls: Sequence[Mapping[str, Any]]) -> None:
    for index, call in enumerate(calls):
        known = OPERATIONS[call["service"]]
        if call["operation"] not in known:
            raise ProbeError(
                f"calls[{index}].operation: {call['operation']} is none of {call['service']}'s: "
                f"write {' or '.join(known)}"
            )


def _unprivileged_user(name: str | None) -> pwd.struct_passwd | None:
    """Return who makes the calls; None for the one that runs this, who is not root. Root only where named so."""
    if os.geteuid() != 0:
        return None
    connecting = os.environ.get("SUDO_USER")
    wanted = name or (connecting if connecting not in (None, "root") else NOBODY)
    try:
        user = pwd.getpwnam(str(wanted))
    except KeyError:
        raise ProbeError(f"user: the host has no user {wanted}: name one that is not root") from None
    return user


def _static_keys(parameters: Mapping[str, Any], user: pwd.struct_passwd | None) -> dict[str, list[dict[str, str]]]:
    """Look for keys where an SDK would find them; root's home counts only for who is root without an own name."""
    homes = [pwd.getpwuid(os.geteuid()).pw_dir, *([user.pw_dir] if user else [])]
    own = [parameters["environment_path"]] if parameters["environment_path"] else []
    return static_keys.find([*parameters["credential_places"], *own], homes, os.environ)


def _ca_bundle(parameters: Mapping[str, Any]) -> str:
    try:
        path = parameters["ca_bundle"] or connections.trusted_certificates()
        Path(path).read_bytes()
    except OSError as error:
        raise ProbeError(f"ca_bundle: {error}: name a file on the host with the certificates to trust") from error
    return str(path)


def _call(parameters: Mapping[str, Any], user: pwd.struct_passwd | None, ca_bundle: str) -> dict[str, Any]:
    """Run the file with the plan and return what it says."""
    content = _checked_bundle(parameters["bundle"], parameters["bundle_sha256"])
    plan = {name: parameters[name] for name in ("calls", "timeout", "imds_endpoint", "endpoint_url")}
    plan["calls"] = [{key: value for key, value in call.items() if value is not None} for call in plan["calls"]]
    plan["provider"], missing_key = _provider(parameters)
    with _in_memory(content) as program, _in_memory(Path(ca_bundle).read_bytes()) as certificates:
        plan["ca_bundle"] = _path(certificates)
        said = _run([program, certificates], json.dumps(plan), parameters["timeout"], user)
    if "failure" in said:
        raise ProbeError(str(said["failure"]))
    return {"results": said["results"] + missing_key, "credentials": said["credentials"]}


def _provider(parameters: Mapping[str, Any]) -> tuple[dict[str, str] | None, list[dict[str, Any]]]:
    """Return the provider with its key, or what stands in the results instead of its call."""
    provider = parameters["provider"]
    if not provider:
        return None, []
    path, name = parameters["environment_path"], provider["api_key_name"]
    try:
        key = static_keys.value_of(Path(path).read_bytes(), name)
        problem = None if key else f"{path} sets no {name}"
    except OSError as error:
        key, problem = None, f"{path} could not be read: {error.strerror}"
    if key:
        return {"url": provider["url"], "key": key}, []
    unmade = {"service": "provider", "url": provider["url"], "status": "unanswered", "error_code": "NoKey"}
    absent = dict.fromkeys(("http_status", "request_id", "answer"))
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return None, [{**unmade, **absent, "message": problem, "latency_ms": 0, "attempted_at": moment}]


def _checked_bundle(path: str | None, expected: str | None) -> bytes:
    """Read the file, take it off the disk, and refuse it where it is not the one that was sent."""
    if not path or not expected:
        raise ProbeError(
            "bundle: no file came along: call this module by its full name, safesecrets.infra.service_probe"
        )
    file = Path(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ProbeError(f"bundle: {path} could not be read on the host: {error.strerror}") from error
    with suppress(OSError):  # the action plugin removes the folder
        file.unlink()
    _clear_left_behind(file)
    if sha256(content).hexdigest() != expected:
        raise ProbeError(
            f"bundle: the file that came to the host has the SHA-256 {sha256(content).hexdigest()}, not {expected}: it "
            "was not used. Remedy: run again; if that stays so, find out what changes files on the way to the host"
        )
    return content


def _clear_left_behind(file: Path) -> None:
    """Remove what killed runs left in the neighbouring folders of Ansible."""
    for old in file.parent.parent.glob(f"{FOLDER_PATTERN}/{FILE_PATTERN}"):
        with suppress(OSError):
            if old != file and time.time() - old.stat().st_mtime > LEFT_BEHIND_SECONDS:
                old.unlink()
                old.parent.rmdir()


@contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """Hold a file in memory alone: nothing of it is left when the process ends, however it ends."""
    descriptor = os.memfd_create("service-probe")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _run(descriptors: Sequence[int], plan: str, timeout: int, user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Run the first file with Python, apart from what the host's environment and site packages would bring in."""
    drop: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    patience = timeout * 2 + STARTING_SECONDS
    try:
        status, output, errors = asyncio.run(_talk(descriptors, plan.encode(), patience, drop))
    except asyncio.TimeoutError:
        raise ProbeError(f"The calls did not end in {patience} seconds: raise timeout") from None
    try:
        said: dict[str, Any] = json.loads(output)
    except ValueError as error:
        last = (errors.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise ProbeError(f"The probe ended with status {status} before it was done: {last}") from error
    return said


async def _talk(
    descriptors: Sequence[int], plan: bytes, patience: int, drop: Mapping[str, Any]
) -> tuple[int | None, bytes, bytes]:
    """Hand the plan to a Python of its own; return its status, its output and its errors.

    Ansible's run_command hands its own environment on and keeps its user.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-B", _path(descriptors[0])),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"LANG": "C.UTF-8", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull},
        cwd="/",
        pass_fds=descriptors,
        **drop,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(plan), patience)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode, output, errors
