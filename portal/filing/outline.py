"""The public outline of a security plan: its headings, as data. Pure.

The default headings are those of section 3 of the Frontier Compliance Framework (December 2025). A plan
request names sections of the outline by their keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal.filing.forms import Question, Section

SOURCE = "Anthropic Frontier Compliance Framework, December 2025, section 3"


@dataclass(frozen=True)
class Heading:
    """A section of a security plan: its key in plan requests, its name, what belongs in it."""

    key: str
    title: str
    hint: str


HEADINGS = (
    Heading(
        "access-control",
        "General security mitigations",
        "Layered protection of networks and systems: authentication, least privilege, segregation of "
        "production, limits on transfers.",
    ),
    Heading(
        "weight-protection",
        "Protection of unreleased model weights",
        "Encryption, controlled approvals, monitoring and logging of every access and movement.",
    ),
    Heading(
        "interface-access",
        "Securing interface access to unreleased model weights",
        "Isolated environments, restricted and rate-limited interfaces, alerts on abnormal use.",
    ),
    Heading(
        "application-security",
        "Application security",
        "Security in the development life cycle: review, automated analysis, tests before deployment.",
    ),
    Heading(
        "vulnerability-management",
        "Vulnerability management",
        "How vulnerabilities are found, ranked and mended, on endpoints, registries and code.",
    ),
    Heading(
        "insider-threat",
        "Insider threat mitigations",
        "Screening, training, role-based access, reporting channels, internal monitoring.",
    ),
    Heading(
        "control-testing",
        "Security control monitoring, testing and assessments",
        "Penetration tests, disclosure programme, third-party assessments, exercises.",
    ),
)

SECURITY_OUTLINE = (
    Section(
        "outline",
        "Outline of the security plan",
        tuple(
            Question(
                heading.key,
                heading.title,
                f"SO-{number:02d}",
                hint=heading.hint,
                missing=f"Outline “{heading.title}” in a few sentences; details belong in the plan itself.",
                rule=SOURCE,
                rows=3,
            )
            for number, heading in enumerate(HEADINGS, 1)
        ),
        lead="This outline is public. The authority may ask for sections of the plan by these headings.",
    ),
)


def title_of(key: str) -> str:
    """The heading of a section key; the key itself for one that is not of the default outline."""
    return next((heading.title for heading in HEADINGS if heading.key == key), key)
