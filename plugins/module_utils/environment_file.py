# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The application's environment file: what it shall hold, and what it holds.

systemd, docker, dotenv and sh read such a file, each by its own rules. What is written is understood alike by all of
them; what stands there already is read as generously as the most generous of them does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.configuration import Fault, fault

VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
#: What all four readers take literally, unquoted.
SAFE_VALUE = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
#: The application has its credentials from the instance profile; these would win over it.
STATIC_KEY_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
ACCESS_KEY_ID = re.compile(r"(?<![A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")
#: A shorter key could be guessed from its fingerprint.
FINGERPRINTED_LENGTH = 16
MODE_REMEDY = 'write "0600", or "0640" with the application\'s group in environment_group, in quotes'

_MARKER = re.compile(r"# (?P<mark>BEGIN|END) safesecrets\.infra (?P<block>[a-z_]+)")
#: dotenv also reads ``export NAME=`` and ``NAME: value``.
_ASSIGNMENT = "^(?:\ufeff)?" + r"[ \t]*(?:export[ \t]+)?(?P<name>{names})(?:[ \t]*=|:[ \t])"
_ANY_ASSIGNMENT = re.compile(_ASSIGNMENT.format(names="[A-Za-z_][A-Za-z0-9_.-]*"))
_KEY_IN_COMMENT = re.compile(rf"^[ \t]*[#;].*\b({'|'.join(STATIC_KEY_NAMES)})[ \t]*=[ \t]*[^ \t\r\n]{{16}}")
_WHOLE_QUOTED = {'"': re.compile(r'"(?:\\.|[^"\\])*"'), "'": re.compile(r"'[^']*'")}


def region_variables(regions: Mapping[str, Any], default_region: str, model_ids: Mapping[str, Any]) -> dict[str, str]:
    """Generate the variables of INFRA-P2-5, in the order of requirements.md.

    regions: ``safesecrets_regions``. default_region: one of its codes.
    model_ids: for each code ``default`` and ``allowlist``, as INFRA-P2-2 found them.
    """
    variables = {"AWS_REGION_DEFAULT": regions[default_region]["region"]}
    variables.update({f"AWS_REGION_{region['name']}": region["region"] for region in regions.values()})
    variables.update({f"BEDROCK_MODEL_ID_{code}": model_ids[code]["default"] for code in regions})
    variables.update({f"BEDROCK_MODEL_ALLOWLIST_{code}": ",".join(model_ids[code]["allowlist"]) for code in regions})
    for service in ("POLLY", "TRANSCRIBE"):
        variables.update({f"{service}_REGION_{code}": region["region"] for code, region in regions.items()})
    return variables


def environment_faults(regions: Mapping[str, Any], default_region: str, model_ids: Any) -> list[Fault]:
    """Return why the variables of INFRA-P2-5 cannot be generated, or not be written.

    The arguments are those of :func:`region_variables`, as the variables ``environment_*`` give them.
    """
    missing = [each for code in regions for each in _missing_model_ids(code, model_ids)]
    return missing or variable_faults(region_variables(regions, default_region, model_ids))


def _missing_model_ids(code: str, model_ids: Any) -> Iterator[Fault]:
    entry = model_ids.get(code) if isinstance(model_ids, Mapping) else None
    entry = entry if isinstance(entry, Mapping) else {}
    remedy = "run INFRA-P2-2 in the same run: it finds out which models may be called"
    if not isinstance(entry.get("default"), str):
        yield fault(f"environment_model_ids.{code}.default", "is not set", remedy)
    if not isinstance(entry.get("allowlist"), (list, tuple)) or not entry["allowlist"]:
        yield fault(f"environment_model_ids.{code}.allowlist", "is not set", remedy)


def target_faults(path: Any, mode: Any) -> list[Fault]:
    """Return what is wrong with the path and the mode of the file that shall hold the blocks.

    mode: four octal digits, or "" for the mode that the file has.
    """
    faults = []
    if not isinstance(path, str) or not path.startswith("/") or path.endswith("/"):
        faults.append(fault("environment_path", "is no absolute path of a file", "write e.g. /etc/safesecrets.env"))
    if not isinstance(mode, str) or not re.fullmatch(r"(0[46][046]0)?", mode):
        faults.append(fault("environment_mode", f"is {mode!r}, no mode for a file that holds keys", MODE_REMEDY))
    return faults


def exposure_faults(mode: str, found_mode: str) -> list[Fault]:
    """Return what stands against putting a secret into an existing file whose mode is to stay.

    mode: the wanted mode, "" to keep ``found_mode``, the file's own in octal digits.
    """
    if mode or int(found_mode, 8) & 0o007 == 0:
        return []
    what = f"is not set, and the file's own mode {found_mode} would show the key to every user of the host"
    return [fault("environment_mode", what, MODE_REMEDY)]


def variable_faults(variables: Mapping[str, Any], named: bool = True) -> list[Fault]:
    """Return which variables the file's readers would not all understand alike; never quotes a value.

    named: whether the keys are the names that the file will hold, and not just say where a value is from.
    """
    faults = [each for name in variables if named for each in _name_faults(name)]
    return faults + [each for name, value in variables.items() for each in _value_faults(name, value)]


def _name_faults(name: str) -> Iterator[Fault]:
    if not VARIABLE_NAME.fullmatch(name):
        yield fault(name, "is no name for a variable", "use capitals, digits and _ alone, and no digit at its start")
    if name in STATIC_KEY_NAMES:
        yield fault(name, "is a static AWS key", "leave it out: the instance profile gives the credentials")


def _value_faults(name: str, value: Any) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield fault(name, "has a value that is not text", "write the value in quotes")
    elif not value:
        yield fault(name, "has an empty value", "give a value")
    elif not SAFE_VALUE.fullmatch(value):
        what = "has a value with a character that systemd, docker, dotenv and sh do not all take literally"
        yield fault(name, what, "use A-Z a-z 0-9 _ . / : @ % + , = - alone, without a line break at the end")
    elif ACCESS_KEY_ID.search(value):
        yield fault(name, "has an AWS access key ID in its value", "the instance profile gives the credentials")


def fingerprint(secret: str) -> str:
    """Return what tells two keys apart and gives none away.

    Eight hexadecimal digits of the plain SHA-256: a key of high entropy cannot be found from them, and without a salt
    the same key has the same fingerprint on every host and in every report.
    """
    if len(secret) < FINGERPRINTED_LENGTH:
        return "sha256:withheld, the key is short"
    return f"sha256:{sha256(secret.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


@dataclass(frozen=True)
class Line:
    """One line of the file, as its readers see it."""

    number: int
    text: str
    block: str | None
    name: str | None
    #: The line is part of a value that began on an earlier line, or its own value goes on.
    in_long_value: bool


def lines_of(content: bytes) -> tuple[list[Line], list[tuple[int, str]]]:
    """Split a file into its lines, and say what is damaged in it: (line, what)."""
    lines: list[Line] = []
    damages: list[tuple[int, str]] = []
    seen: set[str] = set()
    block: str | None = None
    unended = ""
    for number, raw in enumerate(content.splitlines(keepends=True), 1):
        text = raw.decode("utf-8", "surrogateescape")
        marker = _MARKER.fullmatch(text.strip())
        if marker:
            damages += [(number, what) for what in _marker_damages(marker, raw, block, seen, unended)]
            block = marker["block"] if marker["mark"] == "BEGIN" else None
            unended = ""
            continue
        name, continued = None, bool(unended)
        if continued:
            unended = _unended(text, unended)
        assignment = _ANY_ASSIGNMENT.match(text)
        if assignment:
            name = assignment["name"]
            unended = unended if continued else _unended(text[assignment.end() :].lstrip(" \t"), "")
        lines.append(Line(number, text.rstrip("\r\n"), block, name, continued or bool(unended)))
    if block:
        damages.append((len(content.splitlines()), f"has no END marker of the block {block} after its BEGIN marker"))
    if unended:
        damages.append((len(content.splitlines()), "ends within a value: a quote is not closed, or \\ stands last"))
    return lines, damages


def _marker_damages(
    marker: re.Match[str], raw: bytes, block: str | None, seen: set[str], unended: str
) -> Iterator[str]:
    name, begins = marker["block"], marker["mark"] == "BEGIN"
    if raw != marker[0].encode() + b"\n":
        yield f"has a changed {marker['mark']} marker: other characters stand around it, or no line break after it"
    if unended:
        yield "has a marker within a value: a quote before it is not closed, or \\ stands at the end of a line"
    if begins and block:
        yield f"has a BEGIN marker within the block {block}"
    if not begins and block != name:
        yield f"has an END marker of the block {name} without its BEGIN marker"
    if begins and name in seen:
        yield f"has a second block {name}"
    if begins:
        seen.add(name)


def _unended(text: str, opened: str) -> str:
    """Return what a value still waits for after this line: a closing quote, the next line (``\\``), or nothing.

    text: the line from the value on, or a later line of the value. opened: what the line before it waited for.
    """
    line = text.rstrip("\r\n")
    if opened in _WHOLE_QUOTED:
        line = opened + line
    if opened != "\\" and line[:1] in _WHOLE_QUOTED and not _WHOLE_QUOTED[line[0]].match(line):
        return line[0]
    backslashes = len(line) - len(line.rstrip("\\"))
    return "\\" if backslashes % 2 else ""


def names_pattern(names: Iterable[str]) -> str:
    """Return the expression, as ``ansible.builtin.lineinfile`` takes it, of the lines that set one of the names."""
    return _ASSIGNMENT.format(names="|".join(re.escape(name) for name in names))


def block_of(lines: Iterable[Line], block: str) -> dict[str, str]:
    """Return the variables of a managed block."""
    return {
        line.name: line.text[line.text.index("=") + 1 :]
        for line in lines
        if line.block == block and line.name and "=" in line.text
    }


def standing_outside(lines: Iterable[Line], block: str, names: Iterable[str]) -> list[Line]:
    """Return the lines outside a managed block that set one of its names."""
    managed = set(names)
    return [line for line in lines if line.name in managed and line.block != block]


def _static_keys(where: str, line: Line) -> Iterator[Fault]:
    remedy = "remove the line and revoke the key: the instance profile gives the credentials"
    if line.name in STATIC_KEY_NAMES:
        yield fault(where, f"sets {line.name}, a static AWS key", remedy)
    elif _KEY_IN_COMMENT.search(line.text):
        yield fault(where, "holds a static AWS key in a comment", remedy)
    elif ACCESS_KEY_ID.search(line.text):
        yield fault(where, "holds an AWS access key ID", remedy)


def _outside(where: str, line: Line, take_over_option: str, take_over: bool) -> Iterator[Fault]:
    if line.block:
        yield fault(where, f"sets {line.name} in the managed block {line.block} already", "choose another name")
    elif line.in_long_value:
        yield fault(where, f"sets {line.name} in or as a value of several lines", "remove the value by hand")
    elif not take_over:
        remedy = f"remove the line, or let it be removed with {take_over_option}: true"
        yield fault(where, f"sets {line.name} outside the managed block", remedy)


def shown(variables: Mapping[str, str], secrets: Sequence[str] = ()) -> dict[str, str]:
    """Return the variables as they may be shown: secrets by their fingerprint."""
    return {name: fingerprint(value) if name in secrets else value for name, value in variables.items()}


def changes(old: Mapping[str, str], new: Mapping[str, str], secrets: Sequence[str] = ()) -> list[str]:
    """Say what a block's change means, a line a variable, secrets by their fingerprint."""
    before, after = shown(old, secrets), shown(new, secrets)
    return [
        f"{name}: {before.get(name, '(absent)')} -> {after.get(name, '(absent)')}"
        for name in {**after, **before}
        if old.get(name) != new.get(name)
    ]


@dataclass(frozen=True)
class ManagedBlock:
    """A block of the file that is ours: its name, what it shall set, and how it may be put in."""

    name: str
    variables: Mapping[str, str]
    #: Which of the variables are never shown.
    secrets: Sequence[str] = ()
    #: Whether lines outside the block that set its names may go, and the role's option that says so.
    take_over: bool = False
    take_over_option: str = "environment_take_over"

    def examine(self, content: bytes, path: str) -> dict[str, Any]:
        """Compare the block with a file's content; nothing in the answer gives a secret or another line away.

        faults: why the block may not be written. changes: what writing it would change, a line a variable.
        outside: expression of the lines outside that set its names, empty when there are none.
        up_to_date: the file's readers get what the block says.
        """
        lines, damages = lines_of(content)
        outside = standing_outside(lines, self.name, self.variables)
        present = block_of(lines, self.name)
        faults = [fault(f"{path}, line {number}", what, "mend the file by hand") for number, what in damages]
        for line in lines:
            faults += _static_keys(f"{path}, line {line.number}", line)
        for line in outside:
            faults += _outside(f"{path}, line {line.number}", line, self.take_over_option, self.take_over)
        return {
            "faults": faults,
            "changes": changes(present, self.variables, self.secrets),
            "outside": names_pattern(sorted({line.name for line in outside if line.name})) if outside else "",
            "up_to_date": present == self.variables and not outside and not faults,
        }
