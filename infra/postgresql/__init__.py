"""Who may do what in PostgreSQL itself: a role a zone and process, grants on tables, conditions on rows.

``grants.toml`` says which role may read, add, change or remove rows of which table, ``rows.toml`` which rows
those are, ``changes.toml`` what may become of a row. `apply` brings a database to that, as its owner and as
often as one likes; `compare` names what differs, and `fit_or_exit` keeps a production process from serving
with a role that may do more. The owner is under none of it: it migrates, and nobody serves as it.

Roles belong to the whole server, so their names begin with the database's: ``assay_developer``.
"""

from infra.postgresql.comparing import compare
from infra.postgresql.matrix import ROLES, role_name
from infra.postgresql.roles import apply, drop
from infra.postgresql.serving import fit_or_exit

__all__ = ["ROLES", "apply", "compare", "drop", "fit_or_exit", "role_name"]
