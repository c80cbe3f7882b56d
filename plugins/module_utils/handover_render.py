# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renders what is handed over from a report alone: the same report gives the same files, whenever that is."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils import handover_outputs, handover_pages
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import NOT_RUN
from ansible_collections.safesecrets.infra.plugins.module_utils.junit import junit
from ansible_collections.safesecrets.infra.plugins.module_utils.report import (
    SCHEMA_VERSION,
    enumerated,
    overall,
    taken_over,
)

try:
    import jinja2
except ImportError:  # a module of this collection says so; on a controller, ansible-core brings it
    jinja2 = None  # type: ignore[assignment]

Report = Mapping[str, Any]

#: How a verdict is called in sentences and marks; words stand beside colours everywhere.
WORDS = {"pass": "Pass", "fail": "Fail", "unproven": "Unproven", "not_applicable": "N/A", "not_run": "Not run"}
MARKS = {"pass": "✓", "fail": "✗", "unproven": "?", "not_applicable": "-", "not_run": "·"}


class RenderError(Exception):
    """A report that is not in the form that this version reads, or a template that does not fit it."""


class Raw(str):
    """Text that is Markdown already."""

    __slots__ = ()


def rendered(report: Report, templates: Path) -> dict[str, str]:
    """Return each file that is rendered from the report, by its name."""
    if report.get("schema_version") != SCHEMA_VERSION:
        raise RenderError(
            f"The report has schema_version {report.get('schema_version')}, and this version of the collection reads "
            f"{SCHEMA_VERSION}. Render it with the version that wrote it ({report.get('collection_version')})."
        )
    try:
        report = legible(report)
        shown = view(report)
        return {
            "report.html": _html(templates).get_template("report.html.j2").render(shown),
            "report.md": _markdown(templates).get_template("report.md.j2").render(shown),
            "junit.xml": junit(report),
            "safesecrets.env": handover_outputs.environment_fragment(report),
        }
    except (LookupError, TypeError, ValueError, AttributeError, jinja2.TemplateError) as error:
        raise RenderError(f"{type(error).__name__}: {error}") from error


def legible(value: Any) -> Any:
    """Return the report without letters that nobody sees and that make a page look otherwise than it reads."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(map(_seen, value))
    if isinstance(value, Mapping):
        return {legible(name): legible(each) for name, each in value.items()}
    return [legible(each) for each in value] if isinstance(value, list) else value


def _seen(letter: str) -> str:
    hidden = unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter not in "\n\r\t"
    return "\N{REPLACEMENT CHARACTER}" if hidden else letter


def view(report: Report) -> dict[str, Any]:
    """Return everything that the templates show; they decide nothing."""
    return {
        "report": report,
        "overall": overall(report),
        "not_run": [item for item in report["items"] if item["verdict"] == NOT_RUN],
        "hosts": handover_outputs.hosts(report["findings"]),
        "earlier_runs": enumerated(sorted({each["run_id"] for each in taken_over(report)})),
        "taken_over": taken_over(report),
        "to_do": handover_pages.to_do(report),
        "items": handover_pages.items(report),
        "matrix": handover_pages.matrix(report),
        "residency": handover_pages.residency(report),
        "timings": handover_pages.timings(report),
        "models": handover_outputs.models(report),
        "policies": handover_outputs.policies(report),
        "voices": handover_outputs.voices(report),
        "provider": handover_outputs.provider(report),
        "calls": handover_outputs.calls(report),
        "environment": handover_outputs.environment_fragment(report),
        "words": WORDS,
        "marks": MARKS,
    }


def _environment(templates: Path, **options: Any) -> Any:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    filters: dict[str, Any] = {"moment": moment, "json": as_json, "named": enumerated}
    environment.filters.update(filters)
    return environment


def _html(templates: Path) -> Any:
    return _environment(templates, autoescape=True)


def _markdown(templates: Path) -> Any:
    environment = _environment(templates, autoescape=False, finalize=_escaped)
    environment.filters.update({"code": code, "block": block, "raw": Raw})
    return environment


def _escaped(value: Any) -> Any:
    """Escape what Markdown or the HTML within it would take for its own, in everything that a template shows."""
    if isinstance(value, Raw) or not isinstance(value, str):
        return value
    return re.sub(r"([\\`*_{}\[\]<>#|!&~])", r"\\\1", re.sub(r"\s*[\r\n]\s*", " ", value))


def code(value: Any) -> Raw:
    """Return a value as inline code, which cannot end early or end a table's cell."""
    return Raw("`" + " ".join(str(value).split()).replace("`", "'").replace("|", "\\|") + "`")


def block(value: Any) -> Raw:
    """Return a text for a fenced block, which cannot end it early."""
    return Raw(str(value).replace("```", "` ` `").rstrip("\n"))


def as_json(value: Any) -> str:
    """Return evidence as a person reads it."""
    return json.dumps(value, indent=2, default=str, ensure_ascii=False)


def moment(value: str) -> str:
    """Return a moment of the report as a person reads it."""
    return value.replace("T", " ").replace("Z", " UTC")
