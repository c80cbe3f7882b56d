# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find static AWS keys on a host, where an SDK would take them before the instance profile's; never show one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import Line, lines_of
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import (
    ACCESS_KEY_ID,
    STATIC_KEY_NAMES,
)

#: In the list of places, the environment of the process.
ENVIRONMENT = "environment"

_SECTION = re.compile(r"\s*\[(?P<name>[^\]]*)\]")
_SETTING = re.compile(
    r"\s*(?P<name>aws_access_key_id|aws_secret_access_key|aws_session_token)\s*[=:]\s*\S", re.IGNORECASE
)


def find(
    places: Iterable[str], homes: Iterable[str], environment: Mapping[str, str]
) -> dict[str, list[dict[str, str]]]:
    """Look at every place: which keys stand there, and which places could not be looked at.

    places: :data:`ENVIRONMENT`, or paths of files; ~ stands for each of the homes.
    """
    found: list[dict[str, str]] = []
    unreadable: list[dict[str, str]] = []
    for place in dict.fromkeys(_paths(places, homes)):
        if place == ENVIRONMENT:
            found += [_key("the environment of the connecting user", name) for name in in_environment(environment)]
            continue
        try:
            content = Path(place).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            unreadable.append({"place": place, "reason": error.strerror or str(error)})
            continue
        found += [_key(place, name) for name in in_file(content)]
    return {"found": found, "unreadable": unreadable}


def _key(place: str, name: str) -> dict[str, str]:
    return {"place": place, "name": name}


def _paths(places: Iterable[str], homes: Iterable[str]) -> Iterator[str]:
    homes = list(homes)
    for place in places:
        if place == "~" or place.startswith("~/"):
            yield from (os.path.normpath(f"{home}{place[1:]}") for home in homes)
        else:
            yield place


def in_environment(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that hold static keys."""
    return [name for name in STATIC_KEY_NAMES if environment.get(name)]


def in_file(content: bytes) -> list[str]:
    """Return what names the static keys in a profile file of the SDKs or in an environment file, once each."""
    text = content.decode("utf-8", "surrogateescape")
    profiles = list(_in_profiles(text))
    return list(dict.fromkeys([*profiles, *(() if profiles else _in_variables(content))]))


def _in_profiles(text: str) -> Iterator[str]:
    section = ""
    for line in text.splitlines():
        heading, setting = _SECTION.match(line), _SETTING.match(line)
        section = heading["name"].strip() if heading else section
        if setting and (section or setting["name"].islower()):
            yield f"{setting['name'].lower()} of [{section}]"


def _in_variables(content: bytes) -> Iterator[str]:
    for line in lines_of(content)[0]:
        if line.name in STATIC_KEY_NAMES:
            yield str(line.name)
        elif ACCESS_KEY_ID.search(line.text):
            yield f"an access key ID in line {line.number}"


def value_of(content: bytes, name: str) -> str | None:
    """Return the value that an environment file gives a variable, as its readers understand it; the last one counts."""
    lines: list[Line] = [line for line in lines_of(content)[0] if line.name == name and not line.in_long_value]
    if not lines:
        return None
    value = re.split(r"[=:]", lines[-1].text, maxsplit=1)[1].strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
