"""Who may do what in PostgreSQL itself: a role a zone and process, grants on tables, conditions on rows.

``grants.toml`` says which role may read, add, change or remove rows of which table; ``rows.toml`` which rows
those are. `apply` brings a database to that, as its owner and as often as one likes; `compare` names what
differs. The owner is under none of it: it migrates, and nothing else should connect as it.

Roles belong to the whole server, so their names begin with the database's: ``assay_developer``.
"""

from infra.postgresql.comparing import compare
from infra.postgresql.matrix import ROLES, role_name
from infra.postgresql.roles import apply, drop

__all__ = ["ROLES", "apply", "compare", "drop", "role_name"]
