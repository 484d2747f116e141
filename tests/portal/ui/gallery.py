"""A small application that shows every component and chart. For tests only."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from flask import Flask, render_template
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, FileField, StringField, TextAreaField

from portal.ui import charts, install
from portal.ui.charts import (
    ClockSpan,
    ComparisonRow,
    Flag,
    GrantWindow,
    Opening,
    OpeningLane,
    Step,
    TimelineEvent,
)
from portal.ui.fields import (
    ComputeField,
    ExactField,
    MemorableDateField,
    MemorableMomentField,
    Needed,
    RadioField,
    SelectField,
    SelectMultipleField,
    TierField,
)
from portal.ui.forms import Form
from tests.portal.ui import gallery_amounts

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
LONG = "Ostervale Research Laboratories of the Northern Territories and Adjacent Islands, LLC"


class ReportForm(Form):
    """One field of each kind."""

    scenario = TextAreaField(
        "Worst credible scenario", description="Who does what to whom, with which help from the model."
    )
    severity = SelectField(
        "Severity if it happens", choices=[("", "Choose one"), ("serious", "Serious: one sector")]
    )
    tier = TierField(
        "Risk tier",
        description="Tier table of your framework, version 2.1, section 2.4.",
        choices=[
            ("1", "Tier 1", "Help no better than public resources."),
            ("2", "Tier 2", "Meaningful technical help for active operations with known methods."),
            ("0", "Not tiered", "Explain why below"),
        ],
    )
    channel = RadioField(
        "Deployment channel",
        [Needed("Say how it is offered.")],
        choices=[("api", "API"), ("open", "Open weights", "Anyone may download it")],
    )
    territories = SelectMultipleField(
        "Territories", choices=[("EU", "European Union"), ("US-NY", "New York")]
    )
    residual = TextAreaField("Residual risk", validators=[Needed("Say what risk is left after mitigation.")])
    owner = StringField("Risk owner who accepts it", validators=[Needed("Name a risk owner.")])
    compute = ComputeField("Training compute", description="In FLOP, as 3.8e25 or in digits.")
    revenue = ExactField("Revenue, FY 2026")
    due = MemorableDateField("Due date", description="For example 1 10 2027")
    known = MemorableMomentField("When you learned of it")
    sure = BooleanField("I have read the report and it is true to the best of my knowledge")
    evidence = FileField("Evidence file", description="PDF or Inspect log. Anything else is refused.")


def day(month: int, number: int, hour: int = 0, minute: int = 0) -> datetime:
    """An instant of 2027."""
    return datetime(2027, month, number, hour, minute, tzinfo=UTC)


TODAY = day(10, 1)

TIMELINE = charts.Timeline(
    "Timeline of case C-2027-014",
    "Nine events in three lanes from June to October 2027; the review clock ran 11 days, stopped 39 days for "
    "an information request, and has run 34 days since. 15 days are left.",
    events=(
        TimelineEvent(
            1, "Developer", day(6, 14), "Release notification submitted", "Quillmark Systems", "", "3,902"
        ),
        TimelineEvent(2, "Developer", day(7, 5), "Risk report submitted", "Quillmark Systems", "", "3,990"),
        TimelineEvent(
            3, "Evaluator", date(2027, 7, 12), "Evaluator appointed by draw", "Frontier AI Authority"
        ),
        TimelineEvent(
            4, "Authority", day(7, 20), "Information request served, 3 items", "M. Lindqvist", "", "4,118"
        ),
        TimelineEvent(
            5, "Authority", day(8, 18), "Sealed plan opened, 2 sections", "A. Brenner", "", "4,420"
        ),
        TimelineEvent(
            6,
            "Developer",
            day(8, 28),
            "Information request answered in full",
            "Quillmark Systems",
            "19 days late",
            "4,511",
            "/entry/4511",
        ),
        TimelineEvent(
            7, "Developer", day(9, 8), "Incident reported", "Quillmark Systems", "49 h late", "4,602"
        ),
        TimelineEvent(8, "Evaluator", day(9, 17), "Independent assessment submitted", "Larkfield Assurance"),
        TimelineEvent(
            9, "Developer", day(9, 30), "Reply to flag F-1 received", "Quillmark Systems", "", "4,790"
        ),
    ),
    today=TODAY,
    clock=(
        ClockSpan(day(7, 9), day(7, 20), "ran", "11 days"),
        ClockSpan(day(7, 20), day(8, 28), "stopped", "stopped"),
        ClockSpan(day(8, 28), TODAY, "ran", "34 days"),
        ClockSpan(TODAY, day(10, 16), "left", "15 days"),
    ),
)

CLOCKS = charts.Clocks(
    "Clocks of the incident of 3 September 2027",
    "New York was 49 hours late. California was in time. The European Union has 3 days left.",
    rows=(
        charts.Clock(
            "New York", "72 h from knowledge", day(9, 3, 9), day(9, 6, 9), day(9, 8, 10), "RAISE Act 1421"
        ),
        charts.Clock(
            "California", "15 days from discovery", day(9, 3, 9), day(9, 18, 9), day(9, 8, 10), "22757.13"
        ),
        charts.Clock(
            "EU AI Act", "corrective plan, 31 days", day(9, 3, 9), day(10, 4, 9), None, "Art. 55(1)(c)"
        ),
        charts.Clock(
            "Anthropic proposal (June 2026)", "no fixed number of hours", day(9, 20), day(9, 27), None, "§4"
        ),
    ),
    now=TODAY,
)

COMPARISON = charts.Comparison(
    "Risk tiers for Corvane 4: developer and evaluator",
    "Developer and evaluator agree on cyber offence and CBRN with safeguards on, and on sabotage. With "
    "safeguards off, the evaluator shows at least tier 3 for cyber offence and cannot rule out tier 4, where "
    "the developer says tier 2.",
    tiers=("Tier 1", "Tier 2", "Tier 3", "Tier 4"),
    rows=(
        ComparisonRow(
            "Cyber offence", "safeguards on", 2, "", 1, 2, confidence="High", basis="range-42, n = 120"
        ),
        ComparisonRow(
            "Cyber offence",
            "safeguards off",
            2,
            "",
            3,
            None,
            4,
            "",
            "two of ten long tasks stopped at the token limit",
            "Moderate",
            "range-42, n = 120",
            Flag("F-1", "open"),
        ),
        ComparisonRow("CBRN", "safeguards on", 2, "", 1, 2, confidence="High", basis="protocol-qa, n = 600"),
        ComparisonRow(
            "CBRN",
            "safeguards off",
            2,
            "",
            2,
            None,
            3,
            "",
            "no wet-lab baseline within the window",
            "Low",
            "protocol-qa, n = 600",
            Flag("F-2", "resolved", "good"),
        ),
        ComparisonRow("Sabotage, loss of control", "", 2, "", 1, 2, confidence="Moderate"),
        ComparisonRow(
            "Harmful manipulation",
            "no tiers yet",
            None,
            "Not tiered",
            evaluator_words="Not tiered",
            why="No tiers",
        ),
        ComparisonRow(
            "Speeding up AI R&D",
            "narrative only",
            None,
            "Narrative",
            evaluator_words="Not tested",
            why="Not tested: access refused",
            flag=Flag("F-3", "open"),
        ),
        ComparisonRow("More careful than needed", "", 4, "", 1, 2),
    ),
)

WATERFALL = charts.Waterfall(
    "From the starting amount to the proposed amount, with the ceiling",
    "Starting amount 3.00 million euro, plus 0.45 for duration, plus 0.60 for an ignored reminder, minus "
    "0.30 for a complete answer, gives 3.75 million. The ceiling is 15 million. Other readings give 3.726 "
    "and 11.25 million.",
    "EUR",
    steps=(
        Step(6, "Legal maximum × gravity 20 %", "start", Decimal("3000000.00"), "Practice note 4, §2"),
        Step(7, "Duration, 19 days: + 15 %", "change", Decimal("450000.00"), "Practice note 4, §3"),
        Step(8, "Reminder ignored: + 20 %", "change", Decimal("600000.00"), "Event 4,377"),
        Step(9, "Answer complete, unprompted: − 10 %", "change", Decimal("-300000.00"), "Event 4,511"),
        Step(10, "Earlier breaches: none, no effect", "change", Decimal("0.00"), "Register search"),
        Step(12, "Proposed amount", "total", Decimal("3750000.00"), "Lines 6 to 11"),
    ),
    ceiling=Decimal("15000000.00"),
    ceiling_source="Art. 101(1), fixed amount is the higher",
    readings=(
        charts.OtherReading("Each item a breach", Decimal("11250000.00")),
        charts.OtherReading("Factors multiplied", Decimal("3726000.00")),
    ),
)

_SECTIONS = ("Access control", "Weight storage", "Insider threat", "Incident response")
OPENINGS = charts.Openings(
    "Openings of the security plan by section, 16 August to 15 September 2027",
    "Access control was opened on 18 August, 20 August and 2 September. Weight storage was opened on 18 and "
    "23 August and refused on 24 August. Insider threat was refused on 25 August. Incident response was "
    "never tried.",
    lanes=(
        OpeningLane(_SECTIONS[0], "section 2, 31 pages"),
        OpeningLane(_SECTIONS[1], "section 3, 18 pages"),
        OpeningLane(_SECTIONS[2], "section 5, 22 pages"),
        OpeningLane(_SECTIONS[3], "section 6, 14 pages"),
    ),
    windows=(
        GrantWindow(_SECTIONS[0], day(8, 18), day(9, 15)),
        GrantWindow(_SECTIONS[1], day(8, 18), day(9, 15)),
    ),
    rows=(
        Opening(
            day(8, 18, 9, 5),
            "Ada Brenner",
            "Authority, Systems Security",
            ((_SECTIONS[0], 12), (_SECTIONS[1], 6)),
            lasted=timedelta(minutes=15),
            entry="R-0131",
        ),
        Opening(
            day(8, 20, 13, 20),
            "Ada Brenner",
            "Authority, Systems Security",
            ((_SECTIONS[0], 9),),
            entry="R-0149",
        ),
        Opening(day(8, 23, 10, 31), "Ada Brenner", "Authority, Systems Security", ((_SECTIONS[1], 8),)),
        Opening(
            day(8, 24, 11, 2),
            "Ada Brenner",
            "Authority, Systems Security",
            ((_SECTIONS[1], 0),),
            "unknown device",
        ),
        Opening(
            day(8, 25, 15, 40),
            "Julien Moreau",
            "Authority, Review team 1",
            ((_SECTIONS[2], 0),),
            "not in the grant",
        ),
        Opening(
            day(9, 2, 9, 14),
            "Ada Brenner",
            "Authority, Systems Security",
            ((_SECTIONS[0], 10),),
            entry="R-0188",
            url="/entry/188",
        ),
    ),
)

CURVE = charts.Curve(
    title="Amount over turnover",
    finding="The amount stays at EUR 3,000,000.00 up to a turnover of EUR 500 million, and rises from there.",
    currency="EUR",
    across="Turnover in EUR",
    points=tuple(
        charts.CurvePoint(
            Decimal(turnover),
            f"{turnover:,}.00",
            max(Decimal("3000000.00"), Decimal(turnover) * Decimal("0.006")),
            max(Decimal("15000000.00"), Decimal(turnover) * Decimal("0.03")),
        )
        for turnover in range(0, 1_080_000_001, 27_000_000)
    ),
    here=charts.CurvePoint(
        Decimal(540_000_000), "540,000,000.00", Decimal("3240000.00"), Decimal("16200000.00")
    ),
    in_units=True,
)

CHARTS: dict[str, charts.Chart] = {
    "timeline": TIMELINE,
    "clocks": CLOCKS,
    "comparison": COMPARISON,
    "waterfall": WATERFALL,
    "openings": OPENINGS,
    "curve": CURVE,
    "columns": gallery_amounts.COLUMNS,
    "amounts": gallery_amounts.AMOUNTS,
}


def shell(**changes: Any) -> SimpleNamespace:
    """What the portal gives to every page."""
    nav = [("Home", 4, False), ("Cases", 0, True), ("Plan requests", 0, False), ("Calendar", 0, False)]
    known = {
        "demonstration": "The date here is 1 October 2027. Companies, people and figures are invented.",
        "authority": "Frontier AI Authority",
        "zone_label": "Government",
        "person": SimpleNamespace(name="Mira Lindqvist", title="case officer", team="Review team 2"),
        "nav": [SimpleNamespace(label=a, url="/", count=b, current=c) for a, b, c in nav],
        "public": False,
        "sign_out_url": "/sign-out",
        "account_url": "/account",
        "home_url": "/",
        "custody_note": "Demonstration custody: one machine account runs everything here",
        "footer": [SimpleNamespace(label="Accessibility", url="/accessibility")],
    }
    return SimpleNamespace(**{**known, **changes})


def report_form(submitted: bool) -> ReportForm:
    """The form as somebody sent it with mistakes, or filled from a draft."""
    if not submitted:
        return ReportForm(data={"tier": "2", "due": date(2027, 10, 1), "known": day(9, 3, 9, 5)})
    typed = {
        "tier": "2",
        "severity": "serious",
        "due-day": "31",
        "due-month": "2",
        "due-year": "2027",
        "revenue": "4,5",
    }
    form = ReportForm(MultiDict(typed))
    form.validate()
    return form


def create_gallery() -> Flask:
    """The application: `/parts`, `/form`, `/charts`, `/full`, `/public`."""
    app = Flask(__name__, static_folder=None, template_folder="templates")
    app.secret_key = "gallery"
    install(app)
    app.jinja_env.globals.update(csrf_token=lambda: "token", form_id=lambda: "form-1")

    @app.after_request
    def guard(response: Any) -> Any:
        response.headers["Content-Security-Policy"] = CSP
        return response

    @app.get("/<any(parts, charts, full, form, public):name>")
    def page(name: str) -> str:
        return render_template(
            f"gallery_{name}.html",
            shell=shell(public=True, person=None, zone_label="Public register")
            if name == "public"
            else shell(),
            charts=CHARTS,
            form=report_form(submitted=True),
            long=LONG,
            now=TODAY,
        )

    return app
