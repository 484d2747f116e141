"""The forms of access requests: they keep what was typed and know no rule; rules are the verbs'."""

from __future__ import annotations

from wtforms import StringField, TextAreaField

from portal.ui.fields import MemorableDateField
from portal.ui.forms import Form


class AskForm(Form):
    """What the public asks for."""

    words = TextAreaField(
        "What do you want to see?",
        description=(
            "Name a developer, a model, a report or a decision, and a time if you know it. "
            "You do not have to say why you ask."
        ),
    )
    name = StringField("Your name")
    contact = StringField(
        "Your e-mail address",
        description="The answer is announced there. Only the officials who answer you see it.",
    )


class EnterForm(Form):
    """A request that came by mail."""

    received = MemorableDateField(
        "Day on which it came", description="The time to answer runs from this day."
    )
    words = TextAreaField("What is asked", description="As it is written, without what names other people.")
    name = StringField("Who asks", description="As far as the letter says it.")
    contact = StringField(
        "E-mail address", description="Leave it empty where there is none: answer by letter."
    )
