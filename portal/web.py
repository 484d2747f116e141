"""What every zone's Flask app shares: the guard, one transaction per request, uploads, the shell of a page.

Order of a request: the guard (before the body is read), then the body and its CSRF token, then one
transaction around the view. A refusal rolls it back and is recorded afterwards (`portal.errors`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, TypeVar, cast

from flask import (
    Flask,
    Request,
    Response,
    current_app,
    g,
    has_app_context,
    redirect,
    request,
    session,
    url_for,
)
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Map
from werkzeug.wrappers import Response as BaseResponse

from portal.alarm import Alarm
from portal.settings import PUBLIC, Settings
from portal.upload import MAX_FILES, Upload, discard_others, kept
from secure_access import identity
from secure_access.clock import Clock
from secure_access.db import (
    Acting,
    Database,
    Field,
    Instant,
    Session,
    Table,
    classes,
    insert_if_absent,
    instant_column,
)
from secure_access.identity import Actor, OrganisationKind, PasswordHasher, SignInSession, delegation
from secure_access.keys import DocumentKey, KeyProvider
from secure_access.ledger.log_keys import LogKeys
from secure_access.ledger.signer import LogSigner
from secure_access.ledger.witnesses import Witnesses
from secure_access.vault import Vault
from secure_access.workflow import NotFound

ZONE_LABELS = {
    PUBLIC: "Public register",
    "developer": "Developer",
    "evaluator": "Evaluator",
    "government": "Government",
}

ZONE_OF = {
    OrganisationKind.REGULATOR: "government",
    OrganisationKind.DEVELOPER: "developer",
    OrganisationKind.AGENT: "developer",
    OrganisationKind.EVALUATOR: "evaluator",
}
"""In which zone the people of an organisation sign in."""

MAX_PUBLIC_REQUEST = 2**20
"""Bytes of a request from somebody who is not signed in: nobody fills the vault's disk from outside."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
}

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Wired:
    """What an instance is made of; built once by `portal.wiring`."""

    settings: Settings
    database: Database
    vault: Vault
    clock: Clock
    hasher: PasswordHasher
    log_keys: LogKeys
    signer: LogSigner | None
    """Signs the log; only the processes that sequence it have one."""
    law: Callable[[Session, datetime], AbstractContextManager[None]]
    """Puts the law as it stands at a moment in this instance in place of what the release brought."""
    credential_keys: KeyProvider
    """Wraps the secrets that people sign in with."""
    alarm: Alarm
    """Is on while the security log cannot be written."""
    document_key: DocumentKey | None = field(repr=False, default=None)
    """Signs copies of record: the worker has it, a zone of its own does not."""
    document_certificates: str = ""
    """Under which copies of record are signed, in PEM."""
    secrets: Mapping[str, bytes] = field(repr=False, default_factory=dict)


class FormUse(Table, table=True):
    """A form that has been sent once, and where it led: the second of a double click goes there too."""

    __tablename__ = "form_use"
    __classes__ = classes(public="id used_at", restricted="person_id path location")

    id: uuid.UUID = Field(primary_key=True)
    person_id: uuid.UUID | None = Field(default=None)
    path: str = Field(max_length=400)
    location: str = Field(default="", max_length=600)
    used_at: Instant = instant_column()


class ZoneRequest(Request):
    """A request whose file parts go straight into the vault and are never spooled in plaintext."""

    vault: ClassVar[Vault]
    max_form_memory_size = 2 * 2**20
    max_form_parts = 2000

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> Any:
        zone = current_zone()
        arrived: list[Upload] = g.setdefault("uploads", [])
        stranger = zone.zone != PUBLIC and not current_user.is_authenticated
        if stranger or len(arrived) >= MAX_FILES:
            raise RequestEntityTooLarge
        arrived.append(Upload(zone.wired.vault, filename or ""))
        return arrived[-1]


Known = tuple[Actor, SignInSession, str]
"""Whom a token stands for, the row of the session, and what the person lacks."""

Lacking = Callable[[Session, Actor, SignInSession], str]


class SignedIn:
    """flask-login's user: a live session's token, its row, and the actor it stands for.

    ``lacking`` says what the person still has to add before they reach more than their account.
    """

    is_active = True
    is_anonymous = False

    def __init__(self, token: str, known: Known) -> None:
        self.token = token
        self.actor, self.row, self.lacking = known
        self.is_authenticated = True

    def renew(self, known: Known | None) -> None:
        """Take the actor as it is now; ``None`` when the session ended or the person was suspended."""
        self.is_authenticated = known is not None
        if known is not None:
            self.actor, self.row, self.lacking = known

    def get_id(self) -> str:
        return self.token


class Zone(Flask):
    """The Flask app of one zone."""

    request_class = ZoneRequest

    def __init__(self, wired: Wired, zone: str, guard: Callable[[], Any], lacking: Lacking) -> None:
        super().__init__("portal", static_folder=None, template_folder=None)
        self.wired = wired
        self.zone = zone
        self.guard = guard
        self.lacking = lacking
        self.policy_words = wired.settings.first_policy.words
        self.config.update(
            SECRET_KEY=wired.secrets[zone],
            SESSION_COOKIE_NAME=f"__Host-assay-{zone}",
            SESSION_COOKIE_SECURE=True,
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Lax",
            SESSION_COOKIE_PATH="/",
            MAX_CONTENT_LENGTH=MAX_PUBLIC_REQUEST if zone == PUBLIC else wired.settings.max_upload_bytes,
            WTF_CSRF_TIME_LIMIT=None,
            WTF_CSRF_CHECK_DEFAULT=False,
            WTF_CSRF_SSL_STRICT=False,
        )
        # Of a proxy's headers only the sender is believed, from as many proxies as the operator says.
        self.wsgi_app = ProxyFix(self.wsgi_app, wired.settings.proxies, 0, 0)  # type: ignore[method-assign]
        self.jinja_env.globals["form_id"] = form_id
        self.before_request(guard)
        self.before_request(_refuse_unwritable)
        self.csrf = CSRFProtect(self)
        login = LoginManager(self)
        login.session_protection = "strong"
        login.user_loader(self._load_user)
        self.before_request(self._check_form)
        self.after_request(_secure)
        self.teardown_request(_discard_uploads)

    def dispatch_request(self) -> Any:
        """Run the view inside the request's only transaction, and finish the page before it ends."""
        view = self.view_functions.get(request.endpoint or "")
        form = request.method not in _SAFE and not self._signed()
        writing = form or getattr(view, "writes", False)
        # A session's last sight is written in a transaction of its own, so who asks is known before this one.
        known = current_user.is_authenticated
        with self._transaction(writing) as g.session, self.wired.law(g.session, self.wired.clock.now()):
            refused = self._ask_again() if writing and known else None
            if refused is not None:
                return self.make_response(refused)
            # The public zone keeps no use of a form: one that writes brings what makes two of it one.
            plain = not form or self.zone == PUBLIC or not request.form.get("form_id")
            view_once = super().dispatch_request
            response = self.make_response(view_once()) if plain else self._once(view_once)
            keep = kept(g.session, g.get("uploads", ()))
        g.kept = keep
        return response

    def process_response(self, response: Response) -> Response:
        """The headers of every answer; one that is `shared` carries no cookie and depends on none."""
        response = super().process_response(response)
        view = self.view_functions.get(request.endpoint or "")
        if getattr(view, "shared", False) and response.status_code in (200, 304):
            response.headers.remove("Set-Cookie")
            response.vary.discard("cookie")  # in lower case: it finds no other
        return response

    def _signed(self) -> bool:
        return getattr(self.view_functions.get(request.endpoint or ""), "signed", False)

    def _ask_again(self) -> Any:
        """The guard once more, where the writing begins: access may have ended while the body arrived."""
        signed_in = cast(SignedIn, current_user._get_current_object())
        known = self.known(g.session, signed_in.token)
        g.actor = known[0] if known else None
        signed_in.renew(known)
        return self.guard()

    def _transaction(self, writing: bool) -> AbstractContextManager[Session]:
        return self.wired.database.write() if writing else self.wired.database.read()

    def _once(self, view: Callable[[], Any]) -> BaseResponse:
        """Run a form's view once; a form sent again leads to where it led the first time."""
        used = _sent_form_id()
        person = current_actor().person_id if current_user.is_authenticated else None
        fresh = FormUse(id=used, path=request.path[:400], used_at=datetime.now(UTC))
        inserted = insert_if_absent(g.session, fresh)
        use = g.session.get_one(FormUse, used)
        if not inserted:
            return _led_to(use, person)
        response = cast(BaseResponse, self.make_response(view()))
        if response.status_code in (302, 303):
            use.person_id, use.location = person, response.location or "/"
            g.session.add(use)
        else:
            g.session.delete(use)
        return response

    def _load_user(self, token: str) -> SignedIn | None:
        with self.wired.database.read() as reading:
            known = self.known(reading, token)
        if known is None:
            return None
        g.actor, row, _ = known
        now = datetime.now(UTC)
        if identity.needs_touch(row, now):
            with self.wired.database.write() as writing:
                writing.get_one(identity.SignInSession, row.id).seen_at = now
        return SignedIn(token, known)

    def known(self, session: Session, token: str) -> Known | None:
        """Whom a token stands for now, with the roles held now; ``None`` for an ended session."""
        row = identity.live_session(session, token=token, zone=self.zone)
        if row is None:
            return None
        try:
            now = self.wired.clock.now()
            actor = delegation.acting(session, row.person_id, row.delegation_id, now=now)
        except NotFound:
            return None
        return actor, row, self.lacking(session, actor, row)

    def _check_form(self) -> None:
        """Read the body and check its CSRF token, before the transaction opens and after the guard."""
        if request.method in _SAFE:
            return
        if not current_user.is_authenticated:
            request.max_content_length = MAX_PUBLIC_REQUEST
        if not self._signed():
            self.csrf.protect()
        if any("\0" in text for pair in request.form.items(multi=True) for text in pair):
            raise BadRequest


def _refuse_unwritable() -> None:
    """A NUL is no character of any text, and PostgreSQL takes none."""
    asked = [request.path, *(text for pair in request.args.items(multi=True) for text in pair)]
    if any("\0" in text for text in asked):
        raise BadRequest


def form_id() -> str:
    """A fresh identifier for a form; the same one again when a form with mistakes is shown again."""
    given = request.form.get("form_id", "") if request.method not in _SAFE else ""
    return given or str(uuid.uuid4())


def _led_to(use: FormUse, person: uuid.UUID | None) -> BaseResponse:
    if use.person_id != person or use.path != request.path[:400] or not use.location:
        raise NotFound
    return redirect(use.location, 303)


def _sent_form_id() -> uuid.UUID:
    try:
        return uuid.UUID(request.form["form_id"])
    except ValueError:
        raise NotFound from None


def acting() -> Acting | None:
    """For whom the transactions of this request work; ``None`` outside of requests."""
    if not has_app_context():
        return None
    actor: Actor | None = g.get("actor")
    if actor is None:
        return Acting(current_zone().zone)
    return Acting(current_zone().zone, actor.organisation_id, actor.person_id)


def current_zone() -> Zone:
    """The app of the present request."""
    return cast(Zone, current_app)


def current_actor() -> Actor:
    """Who is signed in. Raises `NotFound` for nobody: the guard lets nobody through to a view that asks."""
    if not current_user.is_authenticated:
        raise NotFound
    return cast(SignedIn, current_user).actor


def current_session() -> SignInSession:
    """The session of who is signed in, as it was when the request began. Raises `NotFound` for nobody."""
    if not current_user.is_authenticated:
        raise NotFound
    return cast(SignedIn, current_user).row


def current_time() -> datetime:
    """The time of record for this request: one instant, however often it is asked."""
    if "now" not in g:
        g.now = current_zone().wired.clock.now()
    return cast(datetime, g.now)


def current_witnesses() -> Witnesses:
    """The witnesses of the public log in this instance's policy file: whose cosignatures count here."""
    return current_zone().wired.settings.witnesses


def writes(view: View) -> View:
    """Mark a GET view that records something: it runs in a writing transaction."""
    view.writes = True  # type: ignore[attr-defined]
    return view


def shared(view: View) -> View:
    """Mark a GET view whose answer is the same for everybody, so that caches between may keep it."""
    view.shared = True  # type: ignore[attr-defined]
    return view


def signed(view: View) -> View:
    """Mark a POST that another server sends: a signed token proves it, no cookie counts, no form was shown.

    The view has to check that token itself, to act on nothing else, and to write by `separately`.
    """
    view.signed = True  # type: ignore[attr-defined]
    return view


def sign_in(token: str) -> None:
    """Begin the session of somebody who has proved who they are. The CSRF token is kept on purpose: a form
    that was typed before the session ran out can still be sent after signing in again in another tab."""
    if current_user.is_authenticated:
        identity.end_session(g.session, token=cast(SignedIn, current_user).token)
    csrf_token = session.get("csrf_token")
    session.clear()
    if csrf_token:
        session["csrf_token"] = csrf_token
    known = current_zone().known(g.session, token)
    assert known is not None, "the session was started by this request"
    login_user(SignedIn(token, known))


def sign_out() -> None:
    """End the session at once, on the server."""
    if current_user.is_authenticated:
        identity.end_session(g.session, token=cast(SignedIn, current_user).token)
    logout_user()
    session.clear()


def zone_url(zone: str, endpoint: str, **values: Any) -> str:
    """The address of a page in a zone, absolute when it is another zone than this one."""
    here = current_zone()
    if zone == here.zone:
        return url_for(endpoint, **values)
    addresses: Map = here.extensions["addresses"](zone)
    scheme, _, host = origin(here.wired.settings, zone).partition("://")
    return addresses.bind(host, url_scheme=scheme).build(endpoint, values, force_external=True)


def origin(settings: Settings, zone: str) -> str:
    """Scheme, host and port of a zone: ``http://developer.localhost:5000``."""
    local = settings.base_host == "localhost"
    host = settings.base_host if zone == PUBLIC else f"{zone}.{settings.base_host}"
    return f"http://{host}:{settings.port}" if local else f"https://{host}"


def uploads(name: str) -> list[Upload]:
    """The complete uploads of a file field, without empty ones."""
    found = [part.stream for part in request.files.getlist(name) if part.filename]
    return [cast(Upload, stream) for stream in found]


class Downloadable(Protocol):
    """What a download needs to know of a document."""

    @property
    def file_name(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def size(self) -> int: ...


def download(document: Downloadable, blocks: Iterable[bytes]) -> Response:
    """A document as a file to save: never shown by the browser, never run, never kept by a cache."""
    response = Response(blocks, mimetype=document.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=document.file_name)
    response.headers["Content-Length"] = str(document.size)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def let_go() -> None:
    """Give the request's connection back before something slow, or before `separately` takes another.

    Whoever holds one and waits for a second would wait for ever once everybody does. Rows that were read stay
    readable; what is read afterwards is read in a new transaction.
    """
    g.session.close()


@contextmanager
def separately() -> Iterator[Session]:
    """A transaction of its own, for what must be kept although the request was rolled back."""
    with current_zone().wired.database.write() as own:
        yield own


def _discard_uploads(_error: BaseException | None) -> None:
    discard_others(g.pop("uploads", ()), g.pop("kept", frozenset()))


def _secure(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
