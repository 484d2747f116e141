"""Charts drawn by our own functions from typed rows: SVG with presentation attributes only, for pages and for PDFs."""

from collections.abc import Callable

TEMPLATE_GLOBALS: dict[str, Callable[..., object]] = {}
