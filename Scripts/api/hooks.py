"""What a test run must not ask of one machine: a thousand processes, hours of one picture, a minute of waiting.

Only values that the document allows become smaller ones that it allows, too.
"""

import schemathesis

LEAST = {
    "scale": {"workers": 1},
    "createChild": {"count": 2, "numbers": 100},
    "createChildren": {"count": 2, "numbers": 100},
    "leases": {"waitSeconds": 0},
    "picture": {"width": 200, "height": 100, "escape": 200, "samples": 2},
    "getMbrot": {"width": 200, "escape": 200},
}


def shrink(values, bounds):
    for name, most in bounds.items():
        value = values.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and most < value <= 10**10:
            values[name] = most


@schemathesis.hook
def before_call(context, case, kwargs):
    bounds = LEAST.get(case.operation.definition.raw.get("operationId"), {})
    for values in (case.body, case.query):
        if bounds and isinstance(values, dict):
            shrink(values, bounds)


@schemathesis.serializer("application/partial-upload", "application/vnd.muster.files")
def as_it_is(context, value):
    """Bytes of a file, or of a set of files."""
    value = getattr(value, "data", value)
    return value if isinstance(value, bytes) else str(value).encode()
