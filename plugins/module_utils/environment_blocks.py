# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The managed blocks within the application's environment file: what stands there, and how they are put in and out.

systemd, docker, dotenv and sh read such a file, each by its own rules. What stands there already is read as generously
as the most generous of them does. Nothing outside the blocks changes by a byte, but for the lines that a block takes
over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import (
    ACCESS_KEY_ID,
    STATIC_KEY_NAMES,
    fingerprint,
    variable_faults,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_values import READERS, read, written
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import Fault, fault

_MARKER = re.compile(r"# (?P<mark>BEGIN|END) safesecrets\.infra (?P<block>[a-z_]+)")
_HEAD = b"# Written by Ansible: what stands between the markers is overwritten.\n"
#: Stands in a block before which a last line got its line break, which goes again with the block.
_LINE_BREAK_ADDED = b"# The line break before this block came with it.\n"
#: dotenv also reads ``export NAME=`` and ``NAME: value``.
_ASSIGNMENT = re.compile(
    r"^(?:\ufeff)?[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)(?:[ \t]*=|:[ \t])(?P<value>.*)", re.DOTALL
)
_KEY_IN_COMMENT = re.compile(rf"^[ \t]*[#;].*\b({'|'.join(STATIC_KEY_NAMES)})[ \t]*=[ \t]*[^ \t\r\n]{{16}}")
_WHOLE_QUOTED = {'"': re.compile(r'"(?:\\.|[^"\\])*"'), "'": re.compile(r"'[^']*'")}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """One line of the file, as its readers see it."""

    number: int
    text: str
    block: str | None
    name: str | None
    value: str
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
        continued = bool(unended)
        if continued:
            unended = _unended(text, unended)
        assignment = _ASSIGNMENT.match(text)
        if assignment and not continued:
            unended = _unended(assignment["value"].lstrip(" \t"), "")
        name, value = (assignment["name"], assignment["value"].rstrip("\r\n")) if assignment else (None, "")
        lines.append(Line(number, text.rstrip("\r\n"), block, name, value, continued or bool(unended)))
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


def damage_faults(content: bytes, path: str) -> list[Fault]:
    """Say what is damaged in a file, so that it cannot be told where a block or a value ends."""
    damages = lines_of(content)[1]
    return [fault(f"{path}, line {number}", what, "mend the file by hand") for number, what in damages]


def block_of(lines: Iterable[Line], block: str) -> dict[str, str]:
    """Return the variables of a managed block."""
    return {line.name: read(line.value) for line in lines if line.block == block and line.name}


def blocks_in(content: bytes) -> list[str]:
    """Name the managed blocks of a file."""
    markers = (_MARKER.fullmatch(raw.decode("utf-8", "surrogateescape").strip()) for raw in content.splitlines())
    return [marker["block"] for marker in markers if marker and marker["mark"] == "BEGIN"]


def values_of(content: bytes) -> dict[str, str]:
    """Return what the file sets, the last of each name, to tell whether something changed for its readers."""
    return {line.name: read(line.value) for line in lines_of(content)[0] if line.name}


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


def changes(old: Mapping[str, str], new: Mapping[str, str], secrets: Sequence[str] = ()) -> list[str]:
    """Say what a block's change means, a line a variable, secrets by their fingerprint."""

    def shown(values: Mapping[str, str], name: str) -> str:
        if name not in values:
            return "(absent)"
        return fingerprint(values[name]) if name in secrets else values[name]

    return [
        f"{name}: {shown(old, name)} -> {shown(new, name)}" for name in {**new, **old} if old.get(name) != new.get(name)
    ]


def without_block(content: bytes, block: str) -> bytes:
    """Take a managed block out of an undamaged file, and the line break that came with it where nothing follows."""
    before, inside, after = _parted(content, block)
    if _LINE_BREAK_ADDED in inside and not after:
        before[-1] = before[-1][:-1]
    return b"".join(before + after)


def _parted(content: bytes, block: str) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Return the lines before a block, of it with its markers, and after it; all are before it where it is not."""
    raws = content.splitlines(keepends=True)
    begin, end = (f"# {mark} safesecrets.infra {block}\n".encode() for mark in ("BEGIN", "END"))
    if begin not in raws:
        return raws, [], []
    first, last = raws.index(begin), raws.index(end) + 1
    return raws[:first], raws[first:last], raws[last:]


def lost_by_restoring(content: bytes, original: bytes) -> list[int]:
    """Return which lines of a file's content, blocks aside, the original does not have."""
    outside = {line.number for line in lines_of(content)[0] if not line.block}
    there = Counter(original.splitlines())
    lost = []
    for number, raw in enumerate(content.splitlines(), 1):
        if number in outside:
            there[raw] -= 1
            lost += [number] if there[raw] < 0 else []
    return lost


@dataclass(frozen=True)
class ManagedBlock:
    """A block of the file that is ours: its name, what it shall set, and how it may be put in."""

    name: str
    variables: Mapping[str, str]
    #: Which of the variables are never shown.
    secrets: Sequence[str] = ()
    #: Names of secrets that the block does not hold any more, and that nothing else in the file shall set.
    absent_secrets: Sequence[str] = ()
    #: For the variables that not all of the file's readers need, those that do.
    readers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Whether lines outside the block that set its names may go, and the role's option that says so.
    take_over: bool = False
    take_over_option: str = "environment_take_over"

    @property
    def names(self) -> list[str]:
        """Return the names that no line outside the block may set."""
        return [*self.variables, *self.absent_secrets]

    def text(self, line_break_added: bool = False) -> bytes:
        """Return the block with its markers."""
        variables = "".join(
            f"{name}={written(value, self.readers.get(name, READERS))}\n" for name, value in self.variables.items()
        ).encode()
        begin, end = (f"# {mark} safesecrets.infra {self.name}\n".encode() for mark in ("BEGIN", "END"))
        return begin + _HEAD + (_LINE_BREAK_ADDED if line_break_added else b"") + variables + end

    def written_into(self, content: bytes) -> bytes:
        """Return the content with the block, where it stands already or at the end, and without what it takes over."""
        content = self._taken_over(content)
        before, inside, after = _parted(content, self.name)
        line_break_added = _LINE_BREAK_ADDED in inside
        if not inside and content and not content.endswith(b"\n"):
            before[-1] += b"\n"
            line_break_added = True
        return b"".join([*before, self.text(line_break_added), *after])

    def _taken_over(self, content: bytes) -> bytes:
        outside = {line.number for line in standing_outside(lines_of(content)[0], self.name, self.names)}
        raws = enumerate(content.splitlines(keepends=True), 1)
        kept = b"".join(raw for number, raw in raws if number not in outside)
        marked = content.startswith(_BYTE_ORDER_MARK) and not kept.startswith(_BYTE_ORDER_MARK)
        return _BYTE_ORDER_MARK + kept if marked else kept

    def examine(self, content: bytes, path: str) -> dict[str, Any]:
        """Compare the block with a file's content; nothing in the answer gives a secret or another line away.

        faults: why the block may not be written. changes: what writing it would change, a line a variable.
        outside: the names that lines outside set. up_to_date: the file's readers get what the block says.
        """
        lines = lines_of(content)[0]
        outside = standing_outside(lines, self.name, self.names)
        present = block_of(lines, self.name)
        faults = variable_faults(self.variables, readers=self.readers) + damage_faults(content, path)
        for line in lines:
            faults += _static_keys(f"{path}, line {line.number}", line)
        for line in outside:
            faults += _outside(f"{path}, line {line.number}", line, self.take_over_option, self.take_over)
        return {
            "faults": faults,
            "changes": changes(present, self.variables, [*self.secrets, *self.absent_secrets]),
            "outside": sorted({line.name for line in outside if line.name}),
            "up_to_date": present == self.variables and not outside and not faults,
        }
