"""The lab's data: files in ``lab/data``, some of them templates."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

DATA = Path(__file__).with_name("data")
ENVIRONMENT = Environment(  # noqa: S701  (no HTML comes of it)
    loader=FileSystemLoader(DATA), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
ENVIRONMENT.filters["json"] = json.dumps


@cache
def read(name: str) -> Any:
    """A file's content."""
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))


def text(name: str, /, **values: Any) -> str:
    """A template's text with these values in it."""
    return ENVIRONMENT.get_template(name).render(values)


def render(name: str, /, **values: Any) -> Any:
    """The content of a template of YAML."""
    return yaml.safe_load(text(name, **values))
