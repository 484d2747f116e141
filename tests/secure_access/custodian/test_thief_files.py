"""A thief at the custodian who has a file: an upload mixed of two, and files that attack who opens them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from secure_access.custodian.custody import Refused, Why
from tests.fixtures import hostile, pdfs
from tests.fixtures.custody import running
from tests.fixtures.enrolled import text64

CANARY = "Gletscherspalte"
SECTION = "insider_threat"


# A resumed upload of a changed file


def test_a_resumed_upload_is_of_a_changed_file(tmp_path: Path) -> None:
    """The first half is of one file, the rest of another that was sealed after an edit."""
    with running(tmp_path) as made:
        first = made.seal("plan.pdf", hostile.saying(CANARY), SECTION, "first.sealed")
        edited = made.seal("plan.pdf", hostile.saying("Edited since"), SECTION, "edited.sealed")
        one, two = first.read_bytes(), edited.read_bytes()
        assert len(one) == len(two)
        place = {"visit": made.enter("tess"), "token": made.begin(SECTION, one)["token"]}
        made.ask("upload.part", **place, offset=0, bytes=text64(one[:40_000]))
        assert made.begin(SECTION, two)["offset"] == 0, "another file is another upload"
        made.ask("upload.part", **place, offset=40_000, bytes=text64(two[40_000:]))
        with pytest.raises(Refused, match="SHA-256") as refused:
            made.ask("upload.end", **place)
        assert refused.value.why is Why.MALFORMED
        for manifest in (made.manifest(first), made.manifest(edited)):
            with pytest.raises(Refused, match=f"Section {SECTION} was not received. It was not uploaded"):
                made.deliver(manifest)
            line = made.lines()[-1]
            assert (line["type"], line["fields"]["act"], line["fields"]["by"]) == (
                "act.refused",
                "plan.deliver",
                "tess",
            )
        assert made.begin(SECTION, one)["offset"] == 0, "nothing of the mixture is kept"
        assert made.lines("plan.delivered") == []
        made.upload(SECTION, one)
        made.deliver(made.manifest(first))


# Hostile files


def test_hostile_files_are_delivered_and_read(tmp_path: Path) -> None:
    """Each opens, so that it is delivered; what it tries then happens in its own sandbox alone."""
    with running(tmp_path) as made:
        secret = made.home / "secret.txt"
        secret.write_text(CANARY)
        files = {
            "acting": hostile.acting(),
            "deep": hostile.nested(),
            "itself": hostile.form_within_itself(),
            "names-a-file": hostile.naming_a_file(str(secret)),
            "names-a-key": hostile.naming_a_file(str(made.home / "keys" / "epochs.json")),
            "scripted": pdfs.scripted(),
            "honest": hostile.saying("An honest page"),
        }
        sealed = {name: made.seal(f"{name}.pdf", data, name) for name, data in files.items()}
        for name, path in sealed.items():
            made.upload(name, path.read_bytes())
        manifest = made.manifest(*sealed.values())
        made.deliver(manifest)
        token = made.sit(made.grant(manifest))
        for name in files:
            page = made.page(token, name, 1)
            assert made.lines()[-1]["type"] == "page.released"
            assert CANARY.encode() not in page
            answer = made.ask("release_text", token=token, section=name, page=1)
            words = base64.b64decode(answer["text"]).decode()
            assert CANARY not in words
            assert ("An honest page" in words) is (name == "honest")
        assert made.process.poll() is None
        assert made.lines("page.released")[-1]["fields"]["section"] == "honest"


def test_hostile_and_ordinary_files_of_others_are_delivered_or_refused_in_words(
    tmp_path: Path, shared: Path
) -> None:
    found = {path.stem: path.read_bytes() for path in sorted((shared / "data/pdf").glob("*.pdf"))}
    assert found
    with running(tmp_path) as made:
        good: dict[str, Path] = {}
        for number, (name, data) in enumerate(found.items()):
            section = f"section-{number}"
            sealed = made.seal(f"{name}.pdf", data, section)
            made.upload(section, sealed.read_bytes())
            if "password" in name:
                with pytest.raises(Refused, match="locked with a password"):
                    made.deliver(made.manifest(sealed))
                assert made.lines()[-1]["type"] == "act.refused"
            else:
                good[section] = sealed
        manifest = made.manifest(*good.values())
        made.deliver(manifest)
        token = made.sit(made.grant(manifest))
        for section in good:
            assert made.page(token, section, 1)
            assert made.lines()[-1]["fields"]["section"] == section
