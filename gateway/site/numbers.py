"""Numbers in addresses and forms: what does not fit the wire is not there, rather than a fault of ours."""

from flask import Flask
from werkzeug.routing import IntegerConverter, Map
from wtforms.validators import NumberRange

LARGEST_INT32 = 2**31 - 1
LARGEST_INT64 = 2**63 - 1

FITS_INT32 = NumberRange(0, LARGEST_INT32)
"""For a field of a form whose number goes into an int32."""


class Int32(IntegerConverter):
    """A number in a path that fits an int32; any other is not found. From zero on unless signed."""

    # Bounded here too: Python refuses to read numbers of thousands of digits.
    regex = "[0-9]{1,10}"

    def __init__(self, map: Map, *, signed: bool = False) -> None:
        least = -LARGEST_INT32 - 1 if signed else 0
        super().__init__(map, min=least, max=LARGEST_INT32, signed=signed)


class Int64(IntegerConverter):
    """A number in a path from zero to what fits an int64; any other is not found."""

    regex = "[0-9]{1,19}"

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_INT64)


def init_app(app: Flask) -> None:
    """Makes `<int32:name>`, `<int32(signed=True):name>` and `<int64:name>` known to routes."""
    app.url_map.converters.update(int32=Int32, int64=Int64)
