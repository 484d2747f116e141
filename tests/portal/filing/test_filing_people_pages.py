"""Pages of the people of a draft: what a colleague, an administrator and somebody removed is shown."""

from __future__ import annotations

import io
import uuid

from portal.filing import certification
from portal.filing.tables import Filing, FilingKind
from secure_access import documents
from secure_access.workflow import Role
from tests.fixtures.app import form_of, without_tokens
from tests.fixtures.filing import Developer, made, page, post
from tests.fixtures.named import SECRET

P, C, A = Role.PREPARER, Role.CERTIFYING_OFFICER, Role.ORGANISATION_ADMINISTRATOR
ADDRESSES = ("", "/form/tests", "/attachments", "/certify", "/sign", "/public", "/people")
FILES = ("/checks.csv", "/checks.json", "/filing.json", "/receipt", "/receipt.json")


def test_what_is_restricted_answers_a_colleague_as_what_does_not_exist(sqlite_circle):
    circle, nobody = sqlite_circle, uuid.uuid4()
    for by in (circle.colleague, circle.dev.officer):
        client = circle.client(by)
        for at in (*ADDRESSES, *FILES, f"/documents/{circle.paper_id}"):
            there, twin = (client.get(f"/filings/{key}{at}") for key in (circle.draft_id, nobody))
            assert (there.status_code, twin.status_code) == (404, 404), at
            assert without_tokens(there.text) == without_tokens(twin.text), at
        for shown in (page(client, "/filings"), page(client, "/")):
            assert SECRET not in shown
            assert "summary: Corvane" not in shown, "not the title either"
            assert str(circle.paper_id) not in shown
        listed = page(client, "/filings")
        assert "Test summary" in listed
        assert circle.dev.preparer.name in listed
    with circle.dev.world.wired.database.read() as session:
        hanging = documents.for_subject(session, f"filing:{circle.draft_id}")
        assert len(hanging) == 1, "there was something to find"


def test_an_administrator_sees_the_people_and_nothing_of_the_content(sqlite_circle):
    client = sqlite_circle.client(sqlite_circle.office)
    for at in ("/drafts", f"/filings/{sqlite_circle.draft_id}/people", "/"):
        shown = page(client, at)
        assert SECRET not in shown
        assert "summary: Corvane" not in shown
    for at in (*ADDRESSES[:-1], *FILES, f"/documents/{sqlite_circle.paper_id}"):
        assert client.get(f"/filings/{sqlite_circle.draft_id}{at}").status_code == 404
    leaver = page(client, f"/organisation/people/{sqlite_circle.dev.preparer.person_id}")
    assert "Draft: Test summary" in leaver
    assert "summary: Corvane" not in leaver
    at = f"/filings/{sqlite_circle.draft_id}/people"
    post(client, at, {"person": str(sqlite_circle.colleague.person_id), "part": "reads"}, action=at)
    assert sqlite_circle.opens(sqlite_circle.colleague)
    assert page(sqlite_circle.client(sqlite_circle.colleague), "/drafts", 404)


def test_the_journey_restrict_ask_let_in_edit_remove(sqlite_developer):
    journey(sqlite_developer)


def test_the_journey_under_the_roles_of_postgresql(ruled_world, developer_of):
    journey(developer_of(ruled_world))


def journey(dev: Developer) -> None:
    """Restrict, refused, ask, let in, edit, removed, refused again: by the pages alone."""
    colleague = dev.world.person(dev.organisation, P, name="Cora Bell")
    nadia, cora = (dev.world.client("developer", by) for by in (dev.preparer, colleague))
    draft = made(dev, dev.draft, FilingKind.TEST_SUMMARY, complete=False)
    at, form = f"/filings/{draft.id}/people", f"/filings/{draft.id}/form/tests"
    assert "Only your organisation can read this draft." in page(nadia, form)
    page(cora, form)
    post(nadia, f"{at}/restrict", form_at=at, action=f"{at}/restrict")
    assert "Only one named person of your organisation" in page(nadia, form)
    page(cora, form, 404)
    assert "Ask Jonas Achterberg" in page(cora, "/filings")
    post(cora, f"/filings/{draft.id}/ask", form_at="/filings", action=f"/filings/{draft.id}/ask")
    assert "You asked" in page(cora, "/filings")
    page(cora, form, 404)
    assert "Let Cora Bell into a draft" in page(nadia, "/")
    shown = page(nadia, at)
    assert "Cora Bell asks to join" in shown
    place = shown.split("/prepares")[0].rpartition("/")[2]
    refused = post(
        nadia, f"{at}/{place}/refuse", {"reason": ""}, form_at=at, action=f"{at}/{place}/refuse", status=422
    )
    assert "The reason is missing." in refused.text
    post(nadia, f"{at}/{place}/prepares", form_at=at, action=f"{at}/{place}/prepares")
    typed = {"tested": "Written by a colleague.", "do": "leave"}
    post(cora, form, typed)
    assert "Written by a colleague." in page(nadia, form)
    opened = page(cora, form)  # the form is open while the place is taken away
    assert "Written by a colleague." in opened
    gone = post(nadia, f"{at}/{place}/remove", form_at=at, action=f"{at}/{place}/remove")
    assert gone.location == at
    late = {**form_of(opened), **typed, "tested": "Too late </textarea><b>now</b>."}
    lost, nowhere = (
        cora.post(form.replace(str(draft.id), key), data=late) for key in (str(draft.id), str(uuid.uuid4()))
    )
    assert (lost.status_code, nowhere.status_code) == (404, 404)
    assert "Too late &lt;/textarea&gt;&lt;b&gt;now&lt;/b&gt;." in lost.text, "what was typed is given back"
    assert without_tokens(lost.text) == without_tokens(nowhere.text)
    assert "Too late" not in page(nadia, form)
    page(cora, form, 404)
    page(cora, at, 404)
    stolen = cora.post(
        f"/filings/{draft.id}/attachments",
        data={**form_of(page(cora, "/filings/new")), "document": (io.BytesIO(b"a,b\n1,2\n"), "x.csv")},
    )
    assert stolen.status_code == 404


def test_it_can_be_restricted_from_its_beginning(sqlite_developer):
    dev = sqlite_developer
    version = made(dev, dev.version)
    client = dev.world.client("developer", dev.preparer)
    fields = {"kind": "test_summary", "version": str(version.id), "open_to": "named"}
    start = post(client, "/filings/new", fields)
    with dev.world.wired.database.read() as session:
        filing = session.get_one(Filing, uuid.UUID(start.location.rpartition("/")[2]))
        assert filing.named_only
        assert filing.preparers == {dev.preparer.person_id}


def test_a_form_about_people_that_is_not_filled_in_says_so_and_keeps_the_choice(sqlite_circle):
    client, at = sqlite_circle.client(sqlite_circle.dev.preparer), f"/filings/{sqlite_circle.draft_id}/people"
    shown = post(client, at, {"part": "reads"}, action=at, status=422).text
    assert "Choose a colleague." in shown
    assert 'value="reads" checked' in shown
    for wrong in (f"{at}/nonsense", f"{at}/{uuid.uuid4()}/remove", f"{at}/{uuid.uuid4()}/nonsense"):
        answer = client.post(wrong, data=form_of(page(client, at)))
        assert answer.status_code == 404


def test_a_page_of_record_says_who_can_open_it(sqlite_circle):
    circle, dev, now = sqlite_circle, sqlite_circle.dev, sqlite_circle.dev.world.clock.now()
    with dev.world.wired.database.write() as session:
        filing = session.get_one(Filing, circle.draft_id)
        dev.answer(session, filing)
        certification.send(
            session, filing=filing, certifier_id=dev.officer.person_id, by=dev.preparer, now=now
        )
        reference = dev.sign(session, filing).reference
    shown = page(circle.client(circle.colleague), f"/filings/{reference}")
    assert "although its draft was for named people only" in shown
