# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a value is written so that its readers take it literally, and no other reader of the file stumbles over it.

Each rule is held against the readers themselves by tests/readers. ``dotenv`` stands for the package of Node; the rules
leave out, too, what python-dotenv reads otherwise, and what systemd before version 240 did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

READERS = ("systemd", "docker", "dotenv", "sh")
PLAIN = "A-Z a-z 0-9 _ . / : @ % + , = -"

_PLAIN = r"A-Za-z0-9_./:@%+,=\-"
_ANY = re.compile(r".*")
#: What may be written so at all. Otherwise sh would run a part of it or expand it, or a quote would not close and
#: swallow the lines that follow.
_HARMLESS = {
    "unquoted": re.compile(rf"(?:[{_PLAIN}~!^*?\[\]{{}}#]|[^\x00-\x7f]|\\(?!$))+"),
    "single": re.compile(r"[^']*(?<!\\)"),
    "double": re.compile(r".*(?<!\\)"),
}
#: Of that, what each reader takes literally. docker takes quotes for a part of the value.
_LITERAL = {
    "unquoted": {
        "systemd": re.compile(r"[^\\]*"),
        "docker": _ANY,
        "dotenv": re.compile(r"[^#]*"),
        "sh": re.compile(rf"[{_PLAIN}]*"),
    },
    "single": {"systemd": re.compile(r"[^\\]*"), "dotenv": re.compile(r"(?:[^\\$]|\$(?!\{))*"), "sh": _ANY},
    "double": {"systemd": _ANY, "dotenv": re.compile(r'[^"\\$`]*'), "sh": _ANY},
}
_ESCAPED = re.compile(r'(["\\$`])')
_UNESCAPED = re.compile(r'\\(["\\$`])')
_WHOLE_SINGLE = re.compile(r"'([^']*)'")
_WHOLE_DOUBLE = re.compile(r'"((?:\\.|[^"\\])*)"')

#: Characters that some reader takes for something else, by what they are called in a message.
_CLASSES = {
    "a line break": re.compile(r"[\r\n]"),
    "a blank": re.compile(r" "),
    "an apostrophe": re.compile(r"'"),
    "a double quote": re.compile(r'"'),
    "a backquote": re.compile(r"`"),
    "a dollar sign": re.compile(r"\$"),
    "a hash sign": re.compile(r"#"),
    "a backslash": re.compile(r"\\"),
    "an operator of the shell": re.compile(r"[;&|<>()]"),
    "a wildcard, brace, tilde, caret or exclamation mark": re.compile(r"[*?\[\]{}~^!]"),
    "a letter outside ASCII": re.compile(r"[^\x00-\x7f]"),
}
_CONTROL = "a control character or another that does not print"


def written(value: str, readers: Iterable[str] = READERS) -> str | None:
    """Return how the value stands in the file for these readers, or None where it can not."""
    if not value or not value.isprintable():
        return None
    for quoting, literal in _LITERAL.items():
        if _HARMLESS[quoting].fullmatch(value) and all(
            reader in literal and literal[reader].fullmatch(value) for reader in readers
        ):
            return _quoted(value, quoting)
    return None


def _quoted(value: str, quoting: str) -> str:
    if quoting == "unquoted":
        return value
    return f"'{value}'" if quoting == "single" else '"' + _ESCAPED.sub(r"\\\1", value) + '"'


def read(text: str) -> str:
    """Return the value of what :func:`written` gave."""
    stripped = text.strip()
    single, double = _WHOLE_SINGLE.fullmatch(stripped), _WHOLE_DOUBLE.fullmatch(stripped)
    if double:
        return _UNESCAPED.sub(r"\1", double[1])
    return single[1] if single else stripped


def offending_classes(value: str, readers: Iterable[str] = READERS) -> list[str]:
    """Name the classes of the characters for which a value can not be written for these readers."""
    wanted = list(readers)
    present = {name: "".join(pattern.findall(value)) for name, pattern in _CLASSES.items()}
    present[_CONTROL] = "".join(each for each in value if not each.isprintable() and each not in "\r\n")
    present = {name: characters for name, characters in present.items() if characters}
    alone = [name for name, characters in present.items() if written(f"a{characters}a", wanted) is None]
    # Each may be written, but not where it stands or not beside the others.
    return alone or list(present)
