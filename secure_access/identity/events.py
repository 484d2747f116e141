"""Events of people and organisations. Entries hold identifiers and roles, never names or addresses."""

from secure_access.ledger import declare
from secure_access.ledger.security_log import declare_kind

declare("organisation.registered", ("kind",))
declare("organisation.changed")
declare("person.added", ("roles",))
declare("person.role_given", ("role",))
declare("person.role_taken", ("role",))
declare("person.moved", ("from_organisation",))
declare("person.team_changed")
declare("person.suspended")
declare("person.restored")
declare("person.ended", ("roles",))
declare("person.credentials_reset")
declare("people.confirmed", ("people", "next_due"))
declare("people.adopted", ("rows",))
declare("entity.claimed", ("entity", "regimes"))
declare("entity.verified", ("entity",))
declare("entity.refused", ("entity",))
declare("entity.ended", ("entity",))
declare("relation.recorded", ("relation", "other", "from", "until"))
declare("relation.ended", ("relation", "other", "until"))
declare("invitation.sent", ("invitation", "purpose", "roles"))
declare("invitation.accepted", ("invitation", "purpose", "roles"))
declare("invitation.withdrawn", ("invitation",))
declare("authority.recorded", ("authority", "officer", "from", "until"))
declare("authority.revoked", ("authority", "officer"))
declare("delegation.granted", ("delegation", "agent", "scope", "from", "until"))
declare("delegation.revoked", ("delegation", "agent"))
declare("recusal.declared", ("recusal", "developer"))
declare("recusal.ended", ("recusal", "developer"))
declare("act.proposed", ("act", "digest"))
declare("act.approved", ("act", "digest", "proposed_by"))
declare("act.refused", ("act", "digest"))
declare("act.withdrawn", ("act", "digest"))
declare("sign_in_policy.began", ("name", "digest"))
declare("sign_in_policy.changed", ("name", "digest"))
declare("sign_in_policy.recovered", ("reason_given",))
declare("administrator.created")
declare("administrator.recovered", ("reason_given",))
declare("administrator.recovery_seen")

declare_kind(
    "session.ended_by_administrator",
    "An administrator ended sessions of somebody. The subject is that person.",
    {"sessions": "how many sessions ended"},
)
declare_kind(
    "administrator.recovered",
    "An administrator was made on the machine. The subject is the recovery, which stands in the ledger.",
)
declare_kind(
    "sign_in_policy.recovered",
    "The sign-in policy was set on the machine. The subject is the recovery, which stands in the ledger.",
)
