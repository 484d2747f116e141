"""What each filing asks, as data: questions in sections, one renderer for all of them. Pure.

An answer is stored under the name of its question. A question says who reads the answer unless the developer
decides otherwise, and what is wrong when it is missing. The risk report is built from the chosen taxonomy in
`portal.filing.risk_form`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PUBLIC, CONFIDENTIAL = "public", "confidential"

TRADE_SECRET = "Trade secret"  # noqa: S105 - grounds for keeping an answer confidential, not a password
CYBERSECURITY = "Cybersecurity: it would help an attacker"
PUBLIC_SAFETY = "Public safety: it would help somebody to cause harm"


class Kind(StrEnum):
    """How a question is answered."""

    LINE = "line"
    TEXT = "text"
    CHOICE = "choice"
    TIER = "tier"
    DATE = "date"
    SEVERAL = "several"


class Need(StrEnum):
    """What a missing answer does."""

    BLOCK = "block"
    EXPLAIN = "explain"
    NONE = "none"


@dataclass(frozen=True)
class Question:
    """One question. ``missing`` are the words at the field when it is empty, ``rule`` its source.

    ``audience`` is the default; empty where the answer is part of every public version (a period, a date).
    ``column`` names the column of `Filing` that holds the answer instead of ``content``. ``only_if`` names
    another question and the answer it must have for this one to be asked.
    """

    name: str
    label: str
    code: str
    kind: Kind = Kind.TEXT
    hint: str = ""
    missing: str = ""
    rule: str = ""
    need: Need = Need.BLOCK
    options: tuple[tuple[str, str, str], ...] = ()
    audience: str = PUBLIC
    grounds: str = ""
    rows: int = 4
    column: str = ""
    only_if: tuple[str, str] | None = None
    beside: bool = False

    @property
    def words(self) -> str:
        """What to say when the answer is missing."""
        return self.missing or f"Answer “{self.label}”."

    def asked(self, content: Mapping[str, object]) -> bool:
        """Whether the question is asked, given the other answers."""
        return self.only_if is None or content.get(self.only_if[0]) == self.only_if[1]


@dataclass(frozen=True)
class Section:
    """One page of a form. Sections of one ``step`` share a place in the step indicator."""

    key: str
    title: str
    questions: tuple[Question, ...]
    step: str = ""
    lead: str = ""
    facts: tuple[str, ...] = field(default=())

    @property
    def step_label(self) -> str:
        """The label in the step indicator."""
        return self.step or self.title


CHANNEL_OPTIONS = (
    ("training", "In training", ""),
    ("internal_use", "Internal use", ""),
    ("limited_partners", "Limited partners", ""),
    ("api", "API", ""),
    ("consumer", "Consumer products", ""),
    ("open_weights", "Open weights", ""),
)

RELEASE_NOTIFICATION = (
    Section(
        "release",
        "Release",
        (
            Question(
                "planned_release",
                "Planned release",
                "RN-01",
                Kind.DATE,
                audience="",
                missing="Say when you plan to release it.",
                rule="B&P 22757.12(c)(1): before or with deployment",
            ),
            Question(
                "channels",
                "Deployment channels",
                "RN-02",
                Kind.SEVERAL,
                options=CHANNEL_OPTIONS,
                missing="Say through which channels it will be reached.",
                rule="Scope of a release",
            ),
            Question(
                "what",
                "What is released",
                "RN-03",
                hint="The version, and what it can do that the one before could not.",
                missing="Say what is released.",
                rule="B&P 22757.12(c)(1)",
            ),
            Question(
                "uses",
                "Intended uses and restrictions",
                "RN-04",
                hint="What it is for, and what you forbid.",
                missing="Say what it is for and what you forbid.",
                rule="B&P 22757.12(c)(1)",
            ),
            Question(
                "tests_done",
                "Tests finished before release",
                "RN-05",
                hint="Which tests are finished and where their summary is filed; which are not.",
                missing="Say which tests are finished.",
                rule="Anthropic proposal: testing before release",
            ),
            Question(
                "safeguards",
                "Safeguards at release",
                "RN-06",
                audience=CONFIDENTIAL,
                grounds=CYBERSECURITY,
                missing="Say which safeguards are in place at release.",
                rule="Anthropic proposal: testing before release",
            ),
            Question(
                "contact",
                "Contact",
                "RN-07",
                Kind.LINE,
                hint="An office and an address that is read every day.",
                audience=CONFIDENTIAL,
                grounds="Contact of a person",
                missing="Give a contact.",
                rule="B&P 22757.12(c)(1)",
            ),
        ),
    ),
)

TEST_SUMMARY = (
    Section(
        "tests",
        "Tests",
        (
            Question("tested", "What was tested", "TS-01", hint="Snapshot, variants, dates.",
                     missing="Say what was tested.", rule="Anthropic proposal: public test summary"),
            Question("methods", "Methods", "TS-02", hint="Test sets, elicitation, budget, baselines.",
                     missing="Say how it was tested.", rule="Anthropic proposal: public test summary"),
            Question("results", "Results", "TS-03", missing="Say what was found, with numbers.",
                     rule="B&P 22757.12(c)(2): results of assessments"),
            Question("third_parties", "Part taken by others", "TS-04",
                     hint="Who outside your organisation tested, with what access.",
                     missing="Say whether anybody outside tested, and with what access.",
                     rule="B&P 22757.12(c)(2): extent of third-party evaluators"),
            Question("limits", "Limits", "TS-05", hint="What was not tested, and what the tests cannot show.",
                     missing="Say what the tests do not show.", rule="Assay: every result states its limits"),
            Question("raw", "Where the full results are", "TS-06", Kind.LINE, need=Need.NONE,
                     audience=CONFIDENTIAL, grounds=TRADE_SECRET),
        ),
    ),
)  # fmt: skip

SAFETY_FRAMEWORK = (
    Section(
        "framework",
        "Framework",
        (
            Question("version", "Version and date", "SF-01", Kind.LINE, missing="Give version and date.",
                     rule="B&P 22757.12(a)"),
            Question("standards", "Standards used", "SF-02", need=Need.EXPLAIN,
                     missing="Name the standards and practices you follow.", rule="B&P 22757.12(a)(1)"),
            Question("thresholds", "Thresholds", "SF-03",
                     hint="At which risk tier what changes.",
                     missing="Say which thresholds you use.", rule="B&P 22757.12(a)(2)"),
            Question("mitigations", "Mitigations by threshold", "SF-04",
                     missing="Say what is done when a threshold is reached.", rule="B&P 22757.12(a)(3)"),
            Question("deployment", "Review before deployment and internal use", "SF-05",
                     missing="Say what is reviewed before a model is used inside or outside.",
                     rule="B&P 22757.12(a)(4)"),
            Question("evaluators", "Third-party evaluators", "SF-06",
                     missing="Say how outside evaluators are used.", rule="B&P 22757.12(a)(5)"),
            Question("updates", "How the framework changes", "SF-07",
                     missing="Say when it is reviewed and who approves a change.",
                     rule="B&P 22757.12(a)(6), (b)"),
            Question("weights", "Security of unreleased weights", "SF-08",
                     missing="Say how weights are protected; the outline of the security plan may be named.",
                     rule="B&P 22757.12(a)(7)"),
            Question("incidents", "Incident response", "SF-09",
                     missing="Say how incidents are found, judged and reported.", rule="B&P 22757.12(a)(8)"),
            Question("governance", "Responsibility", "SF-10",
                     missing="Say who answers for the framework.", rule="B&P 22757.12(a)(9)"),
            Question("internal_use", "Risk from internal use", "SF-11",
                     missing="Say how risk from internal use is assessed.", rule="B&P 22757.12(a)(10)"),
        ),
        lead="It is published as you write it. What you mark confidential is withheld with your reason.",
    ),
)  # fmt: skip

SYSTEM_CARD = (
    Section(
        "card",
        "System card",
        (
            Question("released_on", "Release date", "SC-01", Kind.DATE, audience="",
                     missing="Give the release date.", rule="B&P 22757.12(c)(1)(C)"),
            Question("site", "Web site", "SC-02", Kind.LINE, missing="Give the address of your site.",
                     rule="B&P 22757.12(c)(1)(A)"),
            Question("contact", "How people reach you about the model", "SC-03", Kind.LINE,
                     missing="Say how a person can reach you.", rule="B&P 22757.12(c)(1)(B)"),
            Question("languages", "Languages", "SC-04", Kind.LINE, missing="Name the languages.",
                     rule="B&P 22757.12(c)(1)(D)"),
            Question("modalities", "Modalities", "SC-05", Kind.LINE, hint="Text, images, speech, code.",
                     missing="Name the modalities.", rule="B&P 22757.12(c)(1)(E)"),
            Question("uses", "Intended uses", "SC-06", missing="Say what it is for.",
                     rule="B&P 22757.12(c)(1)(F)"),
            Question("restrictions", "Restrictions on use", "SC-07", missing="Say what you forbid.",
                     rule="B&P 22757.12(c)(1)(G)"),
            Question("behaviour", "Behaviour and performance", "SC-08",
                     hint="What it does well, where it fails, with numbers.",
                     missing="Say how it behaves.", rule="Anthropic proposal: public system card"),
            Question("assessment", "Assessment of catastrophic risk", "SC-09",
                     missing="Sum up the assessment.", rule="B&P 22757.12(c)(2)(A), (B)"),
            Question("mitigations", "Risk mitigation", "SC-10", missing="Say what lowers the risk.",
                     rule="Anthropic proposal: public system card"),
            Question("evaluators", "Part taken by third-party evaluators", "SC-11",
                     missing="Say how far outside evaluators took part; “none” is an answer.",
                     rule="B&P 22757.12(c)(2)(C)"),
        ),
    ),
)  # fmt: skip
