"""The base of our forms. CSRF is checked for the whole application before a form is read, so forms carry
no token field.
"""

from collections.abc import Iterator

from wtforms import Form as WTForm
from wtforms.form import BaseForm
from wtforms.meta import DefaultMeta

_WORDS = {
    "Not a valid choice.": "Choose one of the answers.",
    "Not a valid choice": "Choose one of the answers.",
    "Invalid Choice: could not coerce.": "Choose one of the answers.",
    "This field is required.": "Give an answer here.",
    "Not a valid integer value.": "Write a whole number in digits, for example 12.",
}


class _Translations:
    """What WTForms says by itself, in words that say what to do."""

    def gettext(self, string: str) -> str:
        return _WORDS.get(string, string)

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self.gettext(singular if n == 1 else plural)


class Form(WTForm):
    """A WTForms form that lists its problems: `Form(request.form)`, `validate()`, `problems()`."""

    class Meta(DefaultMeta):
        """No token field, and our own words."""

        def get_translations(self, form: BaseForm) -> _Translations:
            """Words for the errors that WTForms raises itself."""
            return _Translations()

    def problems(self) -> list[tuple[str, str]]:
        """Pairs of field id and words, in the order of the fields, for the macro `error_summary`.

        Words that could stand at any field get the field's label, so that the list can be read alone.
        """
        return list(self._problems())

    def refuse(self, name: str, words: str) -> None:
        """Put an error at the field `name` that only the service could know; `problems()` lists it too."""
        field = self[name]
        field.errors = [*field.errors, words]

    def _problems(self) -> Iterator[tuple[str, str]]:
        for field in self:
            if field.errors:
                words = str(field.errors[0])
                general = words in _WORDS.values() or words in field.process_errors
                yield field.id, f"{field.label.text}: {words[0].lower()}{words[1:]}" if general else words
        for words in self.form_errors:
            yield "", words
