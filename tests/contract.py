"""What REST answers, held against the schema that it publishes: no status, field or value that it does not tell."""

import re
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

JSON_SCHEMA = "3.1.0"  # the version of OpenAPI whose schemas are JSON Schema itself
MOST_TOLD = 3
NO_BODY = {204, 304}


class ContractClient(APIClient):
    """A client of REST that raises AssertionError for an answer other than the published schema tells."""

    def request(self, **kwargs: Any) -> Any:
        answer = super().request(**kwargs)
        path, method = kwargs["PATH_INFO"], kwargs["REQUEST_METHOD"].lower()
        told = operation(path, method)
        if told is not None and answer.status_code < 400:
            wrong = differences(told, answer)
            assert not wrong, f"{method.upper()} {path}: " + "; ".join(wrong[:MOST_TOLD])
        return answer


@cache
def published() -> dict[str, Any]:
    """The schema, in which an object has no other fields than those that are told."""
    with patched_settings({"OAS_VERSION": JSON_SCHEMA}):
        made = SchemaGenerator().get_schema(request=None, public=True)
    closed: dict[str, Any] = _closed(made)
    return closed


def operation(path: str, method: str) -> dict[str, Any] | None:
    """What the schema tells of an address; None where it is none of REST."""
    fitting = [(literal, methods) for form, literal, methods in _forms() if form.fullmatch(path)]
    found: dict[str, Any] | None = max(fitting, key=lambda one: one[0], default=(0, {}))[1].get(method)
    return found


def differences(told: dict[str, Any], answer: Any) -> list[str]:
    """How an answer differs from what is told of it."""
    if str(answer.status_code) not in told["responses"]:
        return [f"status {answer.status_code} is not told"]
    content = told["responses"][str(answer.status_code)].get("content", {})
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if not kind or answer.status_code in NO_BODY:
        return []
    if kind not in content:
        return [f"{kind} is not told"]
    schema = {"components": published()["components"], **content[kind]["schema"]}
    if schema.get("format") == "binary":
        return []
    found = Draft202012Validator(schema).iter_errors(answer.json())
    return [f"{one.json_path}: {one.message[:200]}" for one in found]


@cache
def _forms() -> list[tuple[re.Pattern[str], int, dict[str, Any]]]:
    """Of each address its form, how many of its characters are fixed, and what is told of its methods."""
    return [
        (
            re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))),
            len(re.sub(r"\{\w+\}", "", path)),
            methods,
        )
        for path, methods in published()["paths"].items()
    ]


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        found.setdefault("additionalProperties", False)
    if found.pop("nullable", False):  # of the version before, as the framework's own pages have it
        found["type"] = [found["type"], "null"]
    return found
