"""The charts of the penalty explorer, with rows to look at."""

from decimal import Decimal

from portal.ui import charts

COLUMNS = charts.Columns(
    title="Amount over earlier penalties",
    finding="The amount goes from USD 200,000.00 to USD 600,000.00 with the first earlier penalty.",
    currency="USD",
    across="Earlier final penalties",
    rows=(
        charts.Column("0", Decimal("200000.00"), Decimal("1000000.00")),
        charts.Column("1", Decimal("600000.00"), Decimal("3000000.00"), here=True),
        charts.Column("2", Decimal("600000.00"), Decimal("3000000.00")),
    ),
)

AMOUNTS = charts.Amounts(
    title="The same facts under each law",
    finding="From USD 600,000.00 to USD 6,075,000.00.",
    currency="USD",
    rows=(
        charts.AmountRow(
            "A proposal", "proposed", Decimal("6075000.00"), Decimal("32400000.00"), proposed=True
        ),
        charts.AmountRow("New York RAISE Act", "1422", Decimal("600000.00"), Decimal("3000000.00")),
        charts.AmountRow("EU AI Act", "101(1)(b)", Decimal("3300000.00"), Decimal("16500000.00")),
        charts.AmountRow("California TFAIA", why="No penalty on that day."),
    ),
)
