"""`/openapi.json`, and `/docs`: the same for people, as a plain page that needs no script and no other server."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from trunkline.agents.api.html import Safe, html, join, page

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Every operation and every schema."""
    document = request.app.openapi()
    body = html(
        "<p>{description}</p>{operations}<h2>Schemas</h2>{schemas}",
        description=document["info"].get("description", ""),
        operations=join(list(_operations(document))),
        schemas=join([_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]),
    )
    return page(document["info"]["title"], body)


def _operations(document: dict[str, Any]) -> Iterator[Safe]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield html(
                "<h3><code>{method} {path}</code></h3><p>{text}</p><table>{rows}</table>",
                method=method.upper(),
                path=path,
                text=operation.get("description", operation.get("summary", "")),
                rows=join(list(_rows(operation))),
            )


def _rows(operation: dict[str, Any]) -> Iterator[Safe]:
    for parameter in operation.get("parameters", ()):
        yield _row(f"{parameter['name']} ({parameter['in']})", _type(parameter["schema"]), parameter)
    if body := operation.get("requestBody"):
        yield _row("body", _type(body["content"]["application/json"]["schema"]), body)
    for status, response in operation["responses"].items():
        schemas = [content.get("schema", {}) for content in response.get("content", {}).values()]
        yield _row(status, _type(schemas[0]) if schemas else Safe(""), response)


def _row(name: str, type_: Safe, described: dict[str, Any]) -> Safe:
    text = described.get("description") or described.get("schema", {}).get("description", "")
    return html("<tr><th><code>{name}</code></th><td>{type}</td><td>{text}</td></tr>", name=name, type=type_, text=text)


def _schema(name: str, schema: dict[str, Any]) -> Safe:
    fields = [_row(field, _type(of), of) for field, of in schema.get("properties", {}).items()]
    text = schema.get("description", "")
    template = '<h3 id="{name}"><code>{name}</code></h3><p>{text}</p><table>{rows}</table>'
    return html(template, name=name, text=text, rows=join(fields))


def _type(schema: dict[str, Any]) -> Safe:
    """The type of a schema in words, with links to the schemas it names."""
    if reference := schema.get("$ref"):
        return html('<a href="#{name}"><code>{name}</code></a>', name=reference.rpartition("/")[2])
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return Safe(" or ".join(_type(one) for one in alternatives))
    if schema.get("type") == "array":
        return html("list of {items}", items=_type(schema.get("items", {})))
    if values := schema.get("enum"):
        return html("{values}", values=", ".join(str(value) for value in values))
    return html("{type}", type=schema.get("type", "anything"))
