"""The base of our forms. CSRF is checked for the whole application before a form is read, so forms carry
no token field.
"""

from collections.abc import Iterator

from wtforms import Form as WTForm


class Form(WTForm):
    """A WTForms form that lists its problems: `Form(request.form)`, `validate()`, `problems()`."""

    def problems(self) -> list[tuple[str, str]]:
        """Pairs of field id and words, in the order of the fields, for the macro `error_summary`."""
        return list(self._problems())

    def refuse(self, name: str, words: str) -> None:
        """Put an error at the field `name` that only the service could know; `problems()` lists it too."""
        field = self[name]
        field.errors = [*field.errors, words]

    def _problems(self) -> Iterator[tuple[str, str]]:
        for field in self:
            if field.errors:
                yield field.id, str(field.errors[0])
        for words in self.form_errors:
            yield "", words
