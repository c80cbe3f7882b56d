# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every value that is written is read alike by those it is written for, and misleads nobody; so say the readers."""

from __future__ import annotations

import string
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import ManagedBlock
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_values import READERS, read, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.readers.readers import CLIENTS, Reader, all_readers, systemd_library

README = Path(__file__).resolve().parents[2] / "roles/environment/README.md"
SUBSETS: list[Sequence[str]] = [READERS, ("systemd", "dotenv", "sh"), ("systemd", "sh"), *((each,) for each in READERS)]
#: Who stands in the place of each reader that environment_readers may name.
PROGRAMS = {
    "systemd": ["systemd"],
    "docker": ["docker"],
    "dotenv": ["dotenv", "python-dotenv"],
    "sh": ["sh"],
}
CLASSES = {
    "plain characters": "https://a.b/c:d@e%f+g,h=i-j_0",
    "a blank": "two words",
    "a blank at an end": " ends ",
    "an apostrophe": "it's",
    "a double quote": 'say "so"',
    "both quotes": "'so' \"so\"",
    "a backquote": "a`id`",
    "a dollar sign": "a$HOME",
    "${...}": "a${HOME}",
    "a hash sign": "a#b",
    "a backslash": r"a\nb",
    "a backslash at the end": "a\\",
    "an operator of the shell": "a;b&c|d<e>(f)",
    "a wildcard, brace, tilde, ...": "~a*?[b]{c}^!",
    "a letter outside ASCII": "caf\u00e9 \u5b57".replace(" ", ""),
    "a control character": "a\tb",
    "a line break": "a\nb",
}
#: Prone to be taken for something else, more than what hypothesis would come upon by itself.
TEXTS = st.one_of(
    st.text(
        alphabet=st.sampled_from("ab ~#$`\"'\\{}()=:!*?[];&|<>%^,-\u00e9\t\n\r\u00a0\ufeff"), min_size=1, max_size=12
    ),
    st.text(alphabet=string.printable, min_size=1, max_size=20),
    st.text(min_size=1, max_size=20),
)


@pytest.fixture(scope="module")
def readers() -> Iterator[dict[str, Reader]]:
    """Give every reader."""
    if not (CLIENTS / ".installed").exists():
        pytest.fail(f"dotenv is not installed: run `make test-readers`, or `make {CLIENTS}/.installed`")
    with all_readers() as started:
        yield started


def file_with(value: str, wanted: Sequence[str]) -> str | None:
    """Return a file with the value between two others, the way they are written, or None where it is refused."""
    if written(value, wanted) is None:
        return None
    block = ManagedBlock("test", {"FIRST": "1", "NAME": value, "LAST": "2"}, readers={"NAME": wanted})
    return "# it's \"another's\nOTHER=0\n" + block.text().decode()


def check(value: str, wanted: Sequence[str], readers: dict[str, Reader]) -> None:
    """Hold a file against all readers."""
    content = file_with(value, wanted)
    if content is None:
        return
    literal = {program for reader in wanted for program in PROGRAMS[reader]}
    for name, reader in readers.items():
        found = reader(content)
        others = {key: found.get(key) for key in ("OTHER", "FIRST", "LAST")}
        assert others == {"OTHER": "0", "FIRST": "1", "LAST": "2"}, f"{name} is misled by {content}"
        assert name not in literal or found["NAME"] == value, f"{name} takes {found['NAME']!r} from {content}"
        assert set(found) <= {"OTHER", "FIRST", "NAME", "LAST"}, f"{name} takes more from {content}"


@pytest.mark.parametrize("value", CLASSES.values(), ids=CLASSES)
@pytest.mark.parametrize("wanted", SUBSETS, ids="+".join)
def test_each_class_of_value_is_read_alike_or_refused(
    readers: dict[str, Reader], value: str, wanted: Sequence[str]
) -> None:
    check(value, wanted, readers)


@given(value=TEXTS, wanted=st.sampled_from(SUBSETS))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_is_read_alike_or_refused(readers: dict[str, Reader], value: str, wanted: Sequence[str]) -> None:
    check(value, wanted, readers)
    text = written(value, wanted)
    assert text is None or read(text) == value


@pytest.mark.parametrize("value", ["two words", "it's", "a#b", r"a\nb", "a$HOME", 'say "so"'])
def test_the_readers_disagree_on_what_is_refused(readers: dict[str, Reader], value: str) -> None:
    """What is kept from the file is kept for a reason, and the readers here do tell it."""
    assert written(value) is None
    for text in (value, f"'{value}'", f'"{value}"'):
        assert {taken_by(reader, f"NAME={text}\nLAST=1\n") for reader in readers.values()} != {value}


def taken_by(reader: Reader, content: str) -> str | None:
    """Return what a reader takes for NAME, or None where it stumbles over the file."""
    try:
        return reader(content).get("NAME")
    except subprocess.CalledProcessError:
        return None


@pytest.mark.skipif(systemd_library() is None, reason="systemd's own parser is not on this machine")
def test_systemds_own_parser_was_asked(readers: dict[str, Reader]) -> None:
    assert readers["systemd"]("A='b c'\\''d'\nB=\"x\\$y\" z\n; no\nC=1 \n") == {"A": "b c''d'", "B": "x$yz", "C": "1"}


def table() -> str:
    """Say how each class of value is written for whom."""
    names = {'"': 'in ""', "'": "in ''"}
    rows = [f"| {' | '.join(('a value with', *(' '.join(each) if len(each) < 4 else 'all' for each in SUBSETS)))} |"]
    rows.append("| --- " * (len(SUBSETS) + 1) + "|")
    for name, value in CLASSES.items():
        texts = (written(value, wanted) for wanted in SUBSETS)
        cells = ["refused" if text is None else names.get(text[0], "as it is") for text in texts]
        rows.append(f"| {' | '.join((f'`{name}`' if name[0] == '$' else name, *cells))} |")
    return "\n".join(rows)


def test_the_readme_has_the_table() -> None:
    assert table() in README.read_text(encoding="utf-8"), f"the table is\n{table()}"
