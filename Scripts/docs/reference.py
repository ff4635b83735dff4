"""Makes pages of what the program says of itself: `reference.py MUSTER FOLDER NAME=DOCUMENT...`.

FOLDER/commands.md has the help of each command, FOLDER/NAME.md the routes of each OpenAPI document.
"""

import json
import pathlib
import re
import subprocess
import sys

TOKENS = {"admin": "the admin token", "join": "a token that may join", "read": "a token that may read", "file": "the admin, the join or the read token", "open": "no token"}


def commands(muster):
    """The help of all commands, in the order of `muster help`."""
    overview = subprocess.run([muster, "help"], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^  ([a-z][a-z-]*)  ", overview, re.MULTILINE)
    page = ["# Commands", "", "What `muster help` and `muster COMMAND --help` say.", "", "```text", overview.rstrip(), "```"]
    for name in names:
        text = subprocess.run([muster, "help", name], capture_output=True, text=True, check=True).stdout
        page += ["", f"## muster {name}", "", "```text", text.rstrip(), "```"]
    return "\n".join(page) + "\n"


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def kind(schema):
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return " or ".join(kind(part) for part in schema[several])
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    types = schema.get("type", "any JSON")
    words = " or ".join(types) if isinstance(types, list) else types
    if words == "array":
        return f"array of {kind(schema.get('items', {}))}"
    low, high = schema.get("minimum", schema.get("minLength")), schema.get("maximum", schema.get("maxLength"))
    if isinstance(high, int) and high >= 2**53:
        high = None
    length = " characters" if "maxLength" in schema else ""
    if low is not None and high is not None:
        words += f", {low} to {high}{length}"
    elif high is not None:
        words += f", at most {high}{length}"
    elif low:
        words += f", at least {low}{length}"
    return words


def fields(schema):
    """A table of an object's fields, or a line for anything else."""
    if "properties" not in schema:
        return [kind(schema) + "."] if schema else []
    lines = ["| field | type | meaning |", "| --- | --- | --- |"]
    for name, field in schema["properties"].items():
        needed = "" if name in schema.get("required", []) else "*optional.* "
        lines.append(f"| `{name}` | {cell_kind(field)} | {needed}{cell(field.get('description', ''))} |")
    return lines


def cell_kind(schema):
    return kind(schema).replace("|", "\\|")


def route(path, method, operation):
    lines = [f"### {method.upper()} {path}", "", operation.get("summary", ""), ""]
    access = operation.get("x-access")
    if access:
        lines += [f"Needs {TOKENS.get(access, access)}.", ""]
    parameters = operation.get("parameters", [])
    if parameters:
        lines += ["| parameter | in | type | meaning |", "| --- | --- | --- | --- |"]
        for item in parameters:
            needed = "" if item.get("required") else "*optional.* "
            lines.append(f"| `{item['name']}` | {item['in']} | {cell_kind(item.get('schema', {}))} | {needed}{cell(item.get('description', ''))} |")
        lines.append("")
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        lines += [f"Body, `{media}`:", "", *fields(content.get("schema", {})), ""]
    lines += ["| status | answer | body |", "| --- | --- | --- |"]
    for status, answer in operation["responses"].items():
        bodies = [f"`{media}` {cell_kind(content['schema']) if content.get('schema') else ''}".strip() for media, content in answer.get("content", {}).items()]
        lines.append(f"| {'any other' if status == 'default' else status} | {cell(answer.get('description', ''))} | {', '.join(bodies)} |")
    return lines + [""]


def document(text):
    """The page of one OpenAPI document."""
    api = json.loads(text)
    page = [f"# HTTP: {api['info']['title'].split()[-1]}", "", "Made from `GET /openapi.json`, which generators of clients read. HEAD answers as GET does, without a body.", "", "## Routes", ""]
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            if method != "head":
                page += route(path, method, operation)
    page += ["## Schemas", ""]
    for name, schema in api["components"].get("schemas", {}).items():
        page += [f"### {name}", "", *([schema["description"], ""] if "description" in schema else []), *fields(schema), ""]
    return "\n".join(page)


if __name__ == "__main__":
    muster, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "commands.md").write_text(commands(muster))
    for pair in sys.argv[3:]:
        name, file = pair.split("=", 1)
        (folder / f"{name}.md").write_text(document(pathlib.Path(file).read_text()))
