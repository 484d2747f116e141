"""Inspect logs: real ones read as their manifest says, and every kind of broken one refused in words."""

import csv
import io
import json
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evaluator.cli import evidence
from evaluator.inspect_log import BadEvidence, InspectLog, Limits, Score, read, read_chunks

SMALL = Limits(total=200_000, entry=50_000, value=20_000, held=50_000, entries=20, ratio=50, ratio_from=5_000)


def document(**changes: Any) -> dict[str, Any]:
    made = {
        "version": 2,
        "status": "success",
        "eval": {"task": "range-42", "model": "quillmark/corvane-4", "created": "2027-09-01T10:00:00Z"},
        "plan": {"name": "plan"},
        "results": {
            "completed_samples": 2,
            "scores": [
                {
                    "name": "match",
                    "scorer": "match",
                    "metrics": {"accuracy": {"name": "accuracy", "value": 0.5}},
                }
            ],
        },
        "samples": [{"id": 1, "epoch": 1, "messages": ["a"]}, {"id": "b", "epoch": 1}],
    } | changes
    return {key: value for key, value in made.items() if value is not ...}


def json_log(**changes: Any) -> bytes:
    return json.dumps(document(**changes)).encode()


def zip_of(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as target:
        for name, body in entries:
            target.writestr(name, body)
    return made.getvalue()


def entries_of(**changes: Any) -> list[tuple[str, bytes]]:
    whole = document(**changes)
    samples = whole.pop("samples", [])
    made = [("_journal/start.json", json.dumps({"version": 2, "eval": whole.get("eval")}).encode())]
    made += [(f"samples/{s['id']}_epoch_{s['epoch']}.json", json.dumps(s).encode()) for s in samples]
    return [*made, ("summaries.json", b"[]"), ("header.json", json.dumps(whole).encode())]


def eval_log(**changes: Any) -> bytes:
    return zip_of(entries_of(**changes))


def zstd_log(entries: list[tuple[str, bytes]] | None = None) -> bytes:
    """The same layout with method 93, written by hand because `zipfile` cannot before Python 3.14."""
    local, index = b"", b""
    entries = entries_of() if entries is None else entries
    for name, body in entries:
        packed, raw = zstandard.compress(body), name.encode()
        sizes = (zlib.crc32(body), len(packed), len(body), len(raw))
        index += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 63, 63, 0x800, 93, 0, 0, *sizes, *[0] * 5, len(local)
        )
        index += raw
        local += struct.pack("<4s5H3L2H", b"PK\x03\x04", 63, 0x800, 93, 0, 0, *sizes, 0) + raw + packed
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(index), len(local), 0)
    return local + index + end


def parse(content: bytes, limits: Limits = SMALL) -> InspectLog:
    return read(io.BytesIO(content), limits=limits)


EXPECTED = InspectLog(
    2, "success", "range-42", "quillmark/corvane-4", 2, (Score("match", "accuracy", 0.5, "match"),), ()
)


@pytest.fixture(scope="module")
def manifest(shared: Path) -> list[dict[str, str]]:
    with (shared / "data/inspect_logs/MANIFEST.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_real_logs_read_as_their_manifest_says(shared: Path, manifest: list[dict[str, str]]) -> None:
    assert len(manifest) == 7
    for row in manifest:
        log = read(shared / "data/inspect_logs" / row["file"])
        scores = "; ".join(f"{score.scorer}/{score.metric}={score.text}" for score in log.scores)
        assert [str(log.log_version), log.status, log.task, log.model, str(log.samples), scores] == [
            row[key] for key in ("log_version", "status", "task", "model", "samples_in_file", "scores")
        ], row["file"]
        assert log.errors == ()


def test_real_logs_read_the_same_as_a_stream_of_any_piece_size(
    shared: Path, manifest: list[dict[str, str]]
) -> None:
    for row in manifest:
        content = (shared / "data/inspect_logs" / row["file"]).read_bytes()
        for size in (1_000, 4_096, 65_536):
            pieces = [content[at : at + size] for at in range(0, len(content), size)]
            assert read_chunks(pieces) == read(io.BytesIO(content))


def test_real_logs_cut_off_anywhere_are_refused(shared: Path, manifest: list[dict[str, str]]) -> None:
    for row in manifest:
        content = (shared / "data/inspect_logs" / row["file"]).read_bytes().rstrip()
        for eighth in range(8):
            with pytest.raises(BadEvidence) as refused:
                read(io.BytesIO(content[: len(content) * eighth // 8]))
            assert eighth == 0 or "cut off" in refused.value.reason, (row["file"], eighth)


@pytest.mark.parametrize(
    "make", [json_log, eval_log, zstd_log, lambda: zip_of(entries_of(), zipfile.ZIP_STORED)]
)
def test_both_forms_and_all_packings_give_the_same_reading(make: Callable[[], bytes]) -> None:
    assert parse(make()) == EXPECTED
    assert read_chunks(make()[at : at + 1] for at in range(len(make()))) == EXPECTED
    assert read_chunks([make()]) == EXPECTED


@pytest.mark.parametrize("make", [json_log, eval_log, zstd_log])
def test_own_logs_cut_off_at_every_byte_are_refused(make: Callable[[], bytes]) -> None:
    content = make()
    for size in range(4, len(content)):
        with pytest.raises(BadEvidence, match="cut off"):
            parse(content[:size])


def test_a_path_is_read_and_a_missing_one_refused(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_bytes(b"\n\n\n\n " + json_log() + b"\n")
    assert read(tmp_path / "log.json") == EXPECTED
    for path in (tmp_path / "none.eval", str(tmp_path), "a\0b"):
        with pytest.raises(BadEvidence, match="cannot be opened"):
            read(path)


REFUSED_JSON: list[tuple[bytes, str]] = [
    (b"", "is empty"),
    (b"%PDF-1.7", "neither a zip nor a JSON object"),
    (b"[1]", "neither a zip nor a JSON object"),
    (b"    ", "cut off"),
    (b"{}", "states no log version"),
    (b"{" * 9, "a name in quotes is missing"),
    (json_log(version=3), "Log version 3 is not one"),
    (json_log(version=1), "Log version 1 is not one"),
    (json_log(version=10**300), "Log version 1000"),
    (json_log(version="2"), "states no log version"),
    (json_log(version=True), "states no log version"),
    (json_log(status="done"), "status, 'done'"),
    (json_log(status=["success"]), "status, 'a list'"),
    (json_log(status=...), "status, 'None'"),
    (json_log(eval=...), "`eval` is missing"),
    (json_log(eval={"model": "m"}), "which task"),
    (json_log(eval={"task": "t", "model": 4}), "which model"),
    (json_log(eval={"task": "t", "model": ""}), "which model"),
    (json_log(samples=[1]), "no id or no epoch"),
    (json_log(samples=[{"id": 1}]), "no id or no epoch"),
    (json_log() + b"x", "something follows its end"),
    (json_log() + b"{}", "something follows its end"),
    (json_log().replace(b'"version": 2', b'"version" 2'), ": is missing"),
    (json_log().replace(b'"version": 2,', b'"version": 2'), ", or } is missing"),
    (json_log().replace(b'"version": 2,', b'"version": 2,,'), "a name in quotes is missing"),
    (json_log().replace(b'"version": 2', b'"version": 02'), ", or } is missing"),
    (json_log().replace(b'"version": 2', b'"version": tru'), "expecting value"),
    (json_log().replace(b'"version": 2', b'"version": 2, "version": 2'), 'gives "version" twice'),
    (json_log().replace(b'"epoch": 1}', b'"epoch": 1, "epoch": 2}'), 'gives "epoch" twice'),
    (json_log().replace(b'"a"]', b'"a" "b"]'), "expecting ',' delimiter"),
    (json_log().replace(b"0.5", b"1e999"), "too large to compare"),
    (json_log().replace(b"0.5", b"9" * 500), "whole number of 500"),
    (json_log().replace(b"range-42", b"range-\xff"), "UTF-8"),
    (json_log() + b"\xc3", "UTF-8"),
    (json_log(plan="x" * 150_000), "more than 20,000 characters"),
    (json_log(samples=[{"id": n, "epoch": 1, "t": "x" * 900} for n in range(300)]), "larger than 200,000"),
    (b'{"plan": ' + b"[" * 9_000 + b"]" * 9_000 + b"}", "nested too deeply"),
    (b'{"plan": "' + b"a" * 9_000, "cut off"),
    (b'{"plan": "a\x00"}', "invalid control character"),
    (
        json_log(results={"scores": [{"name": "s", "metrics": {str(n): {} for n in range(101)}}]}),
        "100 metrics",
    ),
]


@pytest.mark.parametrize(("content", "reason"), REFUSED_JSON, ids=[reason for _, reason in REFUSED_JSON])
def test_broken_json_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadEvidence) as refused:
        parse(content)
    assert reason in refused.value.reason
    assert refused.value.fix.endswith(".")


def flipped(content: bytes, find: bytes, put: bytes, *, last: bool = False) -> bytes:
    at = content.rindex(find) if last else content.index(find)
    return content[:at] + put + content[at + len(put) :]


HEADER = ("header.json", entries_of()[-1][1])
NEEDLE = ("samples/n.json", b"N" * 40)
STORED = zip_of([NEEDLE, HEADER], zipfile.ZIP_STORED)
LOCKED = flipped(STORED, b"PK\x01\x02", b"PK\x01\x02\x14\x03\x14\x00\x01")
REFUSED_ZIP: list[tuple[bytes, str]] = [
    (zip_of([]), "empty zip"),
    (b"PK\x03\x04" + b"\0" * 100, "without a readable index"),
    (zip_of([("other.txt", b"x")]), "no header.json"),
    (zip_of([(f"f{n}", b"") for n in range(21)]), "more than 20 entries"),
    (zip_of([HEADER, ("../../etc/passwd", b"")]), "outside itself"),
    (zip_of([HEADER, ("/etc/passwd", b"")]), "outside itself"),
    (zip_of([HEADER, ("a\\..\\b", b"")]), "outside itself"),
    (zip_of([HEADER, ("x", b"0")], zipfile.ZIP_LZMA), "method Inspect does not use"),
    (zip_of([HEADER, ("x", b"0" * 60_000)]), "larger than 50,000"),
    (zip_of([HEADER, ("x", b"0" * 50_000)]), "more than a log would"),
    (zstd_log([HEADER, ("x", b"0" * 50_000)]), "more than a log would"),
    (
        zip_of([HEADER, *((f"x{n}", random.Random(n).randbytes(45_000)) for n in range(5))]),
        "more than a log would",
    ),
    (LOCKED, "password"),
    (flipped(zip_of([HEADER, ("notes", b"NNN")], zipfile.ZIP_STORED), b"NNN", b"NMN"), "length or checksum"),
    (flipped(STORED, b"samples/n", b"samples/m"), "another name"),
    (STORED, "not valid JSON"),
    (flipped(eval_log(), b"summaries.json", b"summaries.json" + b"\xff" * 2), "damaged"),
    (flipped(zstd_log(), b"summaries.json", b"summaries.json" + b"\xff" * 2), "damaged"),
    (zip_of([("header.json", json.dumps(document(version=9)).encode())]), "Log version 9"),
    (zip_of([HEADER, ("samples/1.json", b"[]")]), "{ is missing"),
    (zip_of([HEADER, ("samples/1.json", b"{}")]), "no id or no epoch"),
    (zip_of([HEADER, ("samples/1.json", b'{"id": 1')]), "samples/1.json is cut off"),
    (zip_of([HEADER, ("samples/1.json", b'{"id": 1, "epoch": 1} 2')]), "something follows"),
]


@pytest.mark.parametrize(("content", "reason"), REFUSED_ZIP)
def test_broken_zips_are_refused_with_their_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadEvidence) as refused:
        parse(content)
    assert reason in refused.value.reason


def index_entry(content: bytes, number: int) -> int:
    at = -1
    for _ in range(number + 1):
        at = content.index(b"PK\x01\x02", at + 1)
    return at


def with_field(content: bytes, at: int, form: str, value: int) -> bytes:
    packed = struct.pack(form, value)
    return content[:at] + packed + content[at + len(packed) :]


def test_forged_indexes_are_refused() -> None:
    second = index_entry(STORED, 1)
    first = index_entry(STORED, 0)
    end = STORED.rindex(b"PK\x05\x06")
    forged = {
        "overlap": with_field(STORED, second + 42, "<L", 0),
        "not where": with_field(STORED, first + 42, "<L", 3),
        "readable index": with_field(STORED, end + 12, "<L", 2**31),
        "more than a log": with_field(STORED, first + 24, "<L", 10),
        "negative": with_field(STORED, end + 16, "<L", 2**31),
    }
    for case, content in forged.items():
        with pytest.raises(BadEvidence) as refused:
            parse(content)
        assert case in refused.value.reason or case == "negative", (case, refused.value.reason)


def test_two_entries_of_one_name_are_refused() -> None:
    content = zip_of([HEADER, ("samples/aa.json", b"{}"), ("samples/ab.json", b"{}")])
    with pytest.raises(BadEvidence, match="same name"):
        parse(content.replace(b"samples/ab.json", b"samples/aa.json"))


def test_the_index_of_a_zip_is_never_read_beyond_its_limit() -> None:
    with pytest.raises(BadEvidence, match="index is larger than 50"):
        parse(eval_log(), Limits(read=50))


def test_a_zip_that_comes_as_a_stream_is_held_within_its_limit() -> None:
    with pytest.raises(BadEvidence, match="cannot be read as a stream"):
        read_chunks([eval_log()], limits=Limits(held=100))


def test_a_body_cut_out_of_the_zip_is_refused() -> None:
    class Short(io.BytesIO):
        """A store that gives nothing where a body should be."""

        armed = False

        def read(self, size: int | None = -1, /) -> bytes:
            return b"" if self.armed and size == len(NEEDLE[1]) else super().read(size)

    file = Short(STORED)
    file.armed = True
    with pytest.raises(BadEvidence, match="cut off"):
        read(file)


def test_what_the_run_recorded_as_wrong_is_reported() -> None:
    log = parse(
        json_log(
            status="error",
            error={"message": "the sandbox\x1b[31m died", "traceback": "..."},
            invalidated=True,
            results={
                "completed_samples": 9,
                "scores": [
                    {
                        "name": "a",
                        "scorer": "rubric",
                        "metrics": {"mean": {"value": True}, "std": {"value": None}},
                    },
                    {"name": "rubric", "metrics": {"n": {"value": 12}}},
                    7,
                ],
            },
            samples=[{"id": n, "epoch": 1, "error": {"message": "m" * 600}} for n in range(1, 4)]
            + [{"id": [1], "epoch": None, "error": "plain"}],
        ),
        Limits(messages=2 + 1),
    )
    assert log.scores == (
        Score("rubric", "mean", None, "a"),
        Score("rubric", "std", None, "a"),
        Score("rubric", "n", 12, "rubric"),
    )
    assert log.errors == (
        "The run ended with an error: the sandbox\ufffd[31m died",
        *(f"Sample {n}, epoch 1: {'m' * 499}…" for n in (1, 2, 3)),
        "1 more samples failed.",
        "The log was marked as invalid by somebody after the run.",
        "The log says 9 samples were completed; the file holds 4.",
        "rubric/mean is not a number in the log.",
        "rubric/std is not a number in the log.",
    )
    assert [score.as_json() for score in log.scores][::2] == [
        {"scorer": "rubric", "metric": "mean", "value": None, "name": "a"},
        {"scorer": "rubric", "metric": "n", "value": 12},
    ]


def test_nan_as_inspect_writes_it_is_no_number_and_no_failure() -> None:
    log = parse(json_log().replace(b"0.5", b"NaN").replace(b'"a"]', b"-Infinity, Infinity]"))
    assert log.scores[0].value is None
    assert log.errors == ("match/accuracy is not a number in the log.",)


def test_the_oldest_shape_of_scores_is_read() -> None:
    log = parse(json_log(results={"scorer": {"name": "match"}, "metrics": {"accuracy": {"value": 1}}}))
    assert log.scores == (Score("match", "accuracy", 1, "match"),)
    assert parse(json_log(results={"scores": "none"})).scores == ()
    assert parse(json_log(results=..., samples=[])).samples == 0
    assert parse(json_log(results=..., samples=None)).samples == 0


def test_a_run_stopped_before_its_header_is_read_from_the_journal() -> None:
    log = parse(zip_of([entry for entry in entries_of() if entry[0] != "header.json"]))
    assert (log.status, log.samples, log.scores) == ("started", 2, ())
    assert log.errors == ("The log has no header.json: the run was stopped before it could finish.",)


def test_memory_is_bounded_by_one_sample_not_by_the_log() -> None:
    head, tail = json_log(samples=[]).split(b'"samples": []')
    sample = json.dumps({"id": 1, "epoch": 1, "messages": ["x" * 1_000] * 100}).encode()

    def pieces() -> Any:
        yield head + b'"samples": [' + sample
        for _ in range(600):
            yield b"," + sample
        yield b"]" + tail

    tracemalloc.start()
    assert read_chunks(pieces()).samples == 601  # 60 MB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_damage_gives_a_reading_or_a_refusal(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([json_log(), eval_log(), zstd_log(), STORED])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=6))
    reading_or_refusal(bytes(content))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([b"", b"{", b"PK\x03\x04", b"PK\x05\x06"]), st.binary(max_size=200))
@example(b"PK\x05\x06", b"\0" * 18)
def test_any_bytes_give_a_reading_or_a_refusal(start: bytes, rest: bytes) -> None:
    reading_or_refusal(start + rest)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["version", "status", "eval", "results", "samples", "error", "invalidated"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["scores", "metrics"]), inner),
        ),
    )
)
def test_any_json_gives_a_reading_or_a_refusal(changes: dict[str, Any]) -> None:
    reading_or_refusal(json_log(**changes))


def reading_or_refusal(content: bytes) -> None:
    try:
        log = parse(content)
    except BadEvidence:
        return
    json.dumps(log.as_json(), allow_nan=False).encode("ascii")
    "".join([log.task, log.model, *log.errors]).encode("utf-8")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(evidence, ["check", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    path.write_bytes(eval_log())
    status, out, err = run(str(path), "--format", "json")
    assert (status, err) == (0, "")
    assert json.loads(out) == EXPECTED.as_json()
    assert json.loads(out)["scores"] == [{"scorer": "match", "metric": "accuracy", "value": 0.5}]
    status, out, err = run(str(path))
    assert (status, err) == (0, "")
    assert "range-42" in out
    assert "match/accuracy = 0.5" in out
    path.write_bytes(json_log(status="error", error={"message": "died"}, results={}))
    assert "Error    The run ended with an error: died\nScore    none recorded" in run(str(path))[1]


def test_the_command_refuses_with_status_2_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    path.write_bytes(eval_log()[:100])
    status, out, err = run(str(path), "--format", "json")
    assert status == 2
    assert json.loads(out)["errors"] == ["The file is cut off or damaged: a zip without a readable index."]
    assert "cut off" in err
    assert run(str(path))[:2] == (2, "")
    assert "cannot be opened" in run(str(tmp_path / "none.eval"))[2]
