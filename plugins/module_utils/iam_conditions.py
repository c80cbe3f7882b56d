# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the Condition of an IAM statement holds for a request, as far as that can be said without asking IAM.

A verdict is True, False, or None: not decided, because the condition asks for a key whose value is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional

Verdict = Optional[bool]
#: Condition key in lower case -> its values. No values: known to be absent from the request. No entry: not known.
Context = Mapping[str, Sequence[str]]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NEVER = r"(?!)"


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Logical AND: one False decides, then one None."""
    decided: Verdict = True
    for verdict in verdicts:
        if verdict is False:
            return False
        decided = decided and verdict
    return decided


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Logical OR: one True decides, then one None."""
    return inverse(all_of(inverse(verdict) for verdict in verdicts))


def inverse(verdict: Verdict) -> Verdict:
    """Logical NOT: what is not decided stays so."""
    return None if verdict is None else not verdict


def strings(value: Any) -> list[str]:
    """Return a policy element's value, one or a list of them, as strings the way IAM compares them."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in values]


def matches(
    value: str, pattern: str, context: Context, *, wildcards: bool = True, ignore_case: bool = False
) -> Verdict:
    """Tell whether a value matches a pattern of a policy; None when it has a policy variable that is not known."""
    expression = _expression(pattern, context, wildcards)
    if expression is None:
        return None
    return re.fullmatch(expression, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def _expression(pattern: str, context: Context, wildcards: bool) -> str | None:
    """Translate a pattern to a regular expression, its policy variables replaced."""
    parts = []
    for position, part in enumerate(_VARIABLE.split(pattern)):
        translated = _variable(part, context) if position % 2 else _text(part, wildcards)
        if translated is None:
            return None
        parts.append(translated)
    return "".join(parts)


def _text(text: str, wildcards: bool) -> str:
    escaped = re.escape(text)
    return escaped.replace(r"\*", ".*").replace(r"\?", ".") if wildcards else escaped


def _variable(reference: str, context: Context) -> str | None:
    """Replace ``${key}``, ``${key, 'default'}`` or one of the literals ``${*}``, ``${?}``, ``${$}``."""
    if reference in ("*", "?", "$"):
        return re.escape(reference)
    key, _comma, default = reference.partition(",")
    values = context.get(key.strip().lower())
    if values is None:
        return None
    if not values:
        return re.escape(default.strip().strip("'")) if default else _NEVER
    return re.escape(values[0]) if len(values) == 1 else None


def _string(value: str, pattern: str, context: Context) -> Verdict:
    return matches(value, pattern, context, wildcards=False)


def _string_ignoring_case(value: str, pattern: str, context: Context) -> Verdict:
    return matches(value, pattern, context, wildcards=False, ignore_case=True)


def arn_matches(value: str, pattern: str, context: Context) -> Verdict:
    """Compare ARNs part by part, wildcards in each; what a pattern leaves out at its end matches anything."""
    actual, wanted = value.split(":", 5), pattern.split(":", 5)
    if _VARIABLE.search(pattern):  # variables contain colons themselves
        return matches(value, pattern, context)
    padded = wanted + ["*"] * (len(actual) - len(wanted))
    by_part = len(padded) == len(actual) and all_of(matches(*pair, context) for pair in zip(actual, padded))
    # A wildcard at the end of a part may reach beyond its colon: what only that explains is left to IAM.
    return None if not by_part and matches(value, pattern, context) else by_part


#: Operator in lower case without quantifier and suffix -> how it compares, and whether it is negated.
_OPERATORS: dict[str, tuple[Callable[[str, str, Context], Verdict], bool]] = {
    "stringequals": (_string, False),
    "stringnotequals": (_string, True),
    "stringequalsignorecase": (_string_ignoring_case, False),
    "stringnotequalsignorecase": (_string_ignoring_case, True),
    "stringlike": (matches, False),
    "stringnotlike": (matches, True),
    "arnequals": (arn_matches, False),
    "arnlike": (arn_matches, False),
    "arnnotequals": (arn_matches, True),
    "arnnotlike": (arn_matches, True),
    "bool": (_string_ignoring_case, False),
}


def is_negated(operator: str) -> bool:
    """Tell whether an operator holds for every value except the listed ones."""
    return _OPERATORS.get(_split(operator)[1], (matches, False))[1]


def _split(operator: str) -> tuple[str, str, bool]:
    """Return an operator's quantifier and name, in lower case, and whether it has the suffix ``IfExists``."""
    quantifier, _colon, name = operator.lower().rpartition(":")
    without = name[: -len("ifexists")] if name.endswith("ifexists") else name
    return quantifier, without, without != name


def condition_verdicts(condition: Mapping[str, Any], context: Context) -> Iterator[tuple[str, str, Verdict]]:
    """Give operator, key and verdict of every entry of a Condition; all of them must hold."""
    for operator, entries in condition.items():
        for key, values in entries.items():
            yield operator, key, _entry_verdict(operator, strings(values), context.get(key.lower()), context)


def _entry_verdict(operator: str, wanted: list[str], actual: Sequence[str] | None, context: Context) -> Verdict:
    quantifier, name, if_exists = _split(operator)
    if actual is None:
        return None
    if name == "null":
        return (not actual) == (wanted[0].lower() == "true")
    if name not in _OPERATORS:
        return None
    compare, negated = _OPERATORS[name]
    each = [any_of(compare(value, pattern, context) for pattern in wanted) for value in actual]
    verdicts = [inverse(verdict) for verdict in each] if negated else each
    # A quantifier overrides IfExists: no value satisfies ForAnyValue, and none contradicts ForAllValues.
    if quantifier == "forallvalues":
        return all_of(verdicts)
    if quantifier == "foranyvalue" or actual:
        return any_of(verdicts)
    return negated or if_exists
