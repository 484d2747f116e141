"""Reads the log of an Inspect run (https://inspect.aisi.org.uk/eval-logs.html) as evidence.

Both forms are read: `.eval`, a zip with `header.json` and one entry for each sample, and `.json`, one object.
The content decides, not the name. A log is somebody else's bytes: it is read without Inspect, within
`Limits`, sample by sample, and never unpacked to disk. The format has no frozen description; versions not
named in `LOG_VERSIONS` are refused.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from evaluator.evidence import LIMITS, BadEvidence, Limits
from evaluator.json_walk import ByteSource, Pieces, Walker
from evaluator.zip_entries import ZipEntries

__all__ = ["LIMITS", "LOG_VERSIONS", "BadEvidence", "InspectLog", "Limits", "Score", "read", "read_chunks"]

LOG_VERSIONS = frozenset({2})
STATUSES = frozenset({"started", "success", "cancelled", "error"})
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_SAMPLE = re.compile(r"samples/.+\.json", re.DOTALL)
_KEPT = frozenset({"version", "status", "eval", "results", "error", "invalidated"})
_LONGEST = 500  # characters of one text taken over from the log
_REWRITE = "Send the log as Inspect wrote it."
_CONVERT = "Convert it with `inspect log convert` to log version 2, and send both files."


@dataclass(frozen=True)
class Score:
    """One metric of one scorer. `value` is the number in the file, None where the file has no number."""

    scorer: str
    metric: str
    value: int | float | None
    name: str = ""  # of the score, where a scorer gives several

    def as_json(self) -> dict[str, Any]:
        """`scorer`, `metric` and `value`, and `name` where it says more than the scorer."""
        named = {"name": self.name} if self.name not in ("", self.scorer) else {}
        return {"scorer": self.scorer, "metric": self.metric, "value": self.value} | named

    @property
    def text(self) -> str:
        """The number in digits, for places that keep no floats; empty where the file has no number."""
        return "" if self.value is None else repr(self.value)


@dataclass(frozen=True)
class InspectLog:
    """What the portal reads of a log.

    `samples` counts what the file holds, not what the run claims. `errors` are those recorded by the run,
    then what does not fit together in the file, in sentences.
    """

    kind: ClassVar[str] = "inspect_log"
    log_version: int
    status: str
    task: str
    model: str
    samples: int
    scores: tuple[Score, ...]
    errors: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The form that `assay evidence check --format json` prints."""
        return {
            "kind": self.kind,
            "log_version": self.log_version,
            "status": self.status,
            "task": self.task,
            "model": self.model,
            "samples": self.samples,
            "scores": [score.as_json() for score in self.scores],
            "errors": list(self.errors),
        }


def read(source: str | Path | BinaryIO, *, limits: Limits = LIMITS) -> InspectLog:
    """Read a log from a path or an open binary file. Raises `BadEvidence`.

    A file that cannot seek is read as a stream: JSON sample by sample, a zip held up to `limits.held`.
    """
    if not isinstance(source, str | Path):
        return _read(source, limits)
    with _opened(source) as file:
        return _read(file, limits)


def _opened(path: str | Path) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = "The file cannot be opened."
        raise BadEvidence(reason, "Check its path and whether you may read it.") from error


def read_chunks(chunks: Iterable[bytes], *, limits: Limits = LIMITS) -> InspectLog:
    """Read a log from successive pieces, as a vault gives them. Raises `BadEvidence`."""
    return _read(Pieces(chunks), limits)


def _read(source: ByteSource, limits: Limits) -> InspectLog:
    found = _Found(limits)
    head = _exactly(source, 4)
    rest = Pieces(_then(head, source))
    if head.startswith(_ZIP):
        _read_zip(_seekable(source, rest, limits), found, limits)
    elif not head:
        raise BadEvidence("The file is empty.", _REWRITE)
    elif head.lstrip(b" \t\r\n")[:1] in (b"{", b""):
        _read_json(Walker(rest, label="The file", limits=limits), found)
    else:
        raise BadEvidence("The file is not an Inspect log: neither a zip nor a JSON object.", _REWRITE)
    return found.log()


def _read_zip(file: BinaryIO, found: "_Found", limits: Limits) -> None:
    entries = ZipEntries(file, limits=limits)
    # A run that was stopped hard has the journal's start and no header; Inspect itself then says "started".
    head = next((name for name in ("header.json", "_journal/start.json") if name in entries.names), None)
    if head is None:
        raise BadEvidence("The zip is not an Inspect log: it has no header.json.", _REWRITE)
    _read_json(Walker(entries.open(head), label=head, limits=limits), found)
    if head != "header.json":
        found.head.setdefault("status", "started")
        found.doubts.append("The log has no header.json: the run was stopped before it could finish.")
    for name, body in entries.each():
        if _SAMPLE.fullmatch(name):
            found.sample(_sample(Walker(body, label=name[:120], limits=limits)))
        elif name != head:
            while body.read():  # unpacked for its checksum alone
                pass


def _read_json(walker: Walker, found: "_Found") -> None:
    for key in walker.members():
        if key == "samples" and walker.opens("["):
            for sample in walker.elements():
                found.sample(sample)
        elif key in _KEPT:
            found.head[key] = walker.value()
        else:
            walker.value()
    walker.finish()


def _sample(walker: Walker) -> dict[str, Any]:
    kept = {}
    for key in walker.members():
        value = walker.value()
        if key in ("id", "epoch", "error"):
            kept[key] = value
    walker.finish()
    return kept


@dataclass
class _Found:
    """What has been read so far."""

    limits: Limits
    head: dict[str, Any] = field(default_factory=dict)
    samples: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def sample(self, sample: object) -> None:
        if not isinstance(sample, dict) or not {"id", "epoch"} <= sample.keys():
            raise BadEvidence("A sample of the log has no id or no epoch.", _REWRITE)
        self.samples += 1
        if sample.get("error"):
            self.failed += 1
            if self.failed <= self.limits.messages:
                where = f"Sample {_plain(sample['id'])}, epoch {_plain(sample['epoch'])}"
                self.failures.append(f"{where}: {_message(sample['error'])}")

    def log(self) -> InspectLog:
        version = self._version()
        run = self.head.get("eval")
        if not isinstance(run, dict):
            raise BadEvidence("The log does not say what was run: `eval` is missing.", _REWRITE)
        status = self.head.get("status")
        if not isinstance(status, str) or status not in STATUSES:
            raise BadEvidence(f"The log's status, {_plain(status)!r}, is not one of Inspect's.", _REWRITE)
        results = _mapping(self.head.get("results"))
        scores = tuple(_scores(results))
        if len(scores) > self.limits.messages:
            raise BadEvidence(f"The log has more than {self.limits.messages} metrics.", _REWRITE)
        return InspectLog(
            version, status, _named(run, "task"), _named(run, "model"), self.samples, scores,
            tuple(self._errors(results, scores)),
        )  # fmt: skip

    def _version(self) -> int:
        version = self.head.get("version")
        if type(version) is not int:
            raise BadEvidence("The file is not an Inspect log: it states no log version.", _REWRITE)
        if version not in LOG_VERSIONS:
            raise BadEvidence(f"Log version {_plain(version)} is not one this portal knows (2).", _CONVERT)
        return version

    def _errors(self, results: Mapping[str, Any], scores: tuple[Score, ...]) -> Iterator[str]:
        if self.head.get("error"):
            yield f"The run ended with an error: {_message(self.head['error'])}"
        yield from self.failures
        if self.failed > len(self.failures):
            yield f"{self.failed - len(self.failures):,} more samples failed."
        yield from self.doubts
        if self.head.get("invalidated") is True:
            yield "The log was marked as invalid by somebody after the run."
        completed = results.get("completed_samples")
        if type(completed) is int and completed != self.samples:
            yield f"The log says {_plain(completed)} samples were completed; the file holds {self.samples:,}."
        for score in scores:
            if score.value is None:
                yield f"{score.scorer}/{score.metric} is not a number in the log."


def _scores(results: Mapping[str, Any]) -> Iterator[Score]:
    """Scores in the order of the file. Before 2024-09 a run had one scorer, written beside its metrics."""
    listed = results.get("scores")
    if listed is None and "metrics" in results:
        listed = [_mapping(results.get("scorer")) | {"metrics": results["metrics"]}]
    for score in map(_mapping, listed if isinstance(listed, list) else ()):
        name = _plain(score.get("name", ""))
        for metric, recorded in _mapping(score.get("metrics")).items():
            value = _mapping(recorded).get("value")
            number = value if type(value) in (int, float) else None
            yield Score(_plain(score.get("scorer", name)), _plain(metric), number, name)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _named(run: Mapping[str, Any], key: str) -> str:
    value = run.get(key)
    if not isinstance(value, str) or not value:
        raise BadEvidence(f"The log does not say which {key} was run.", _REWRITE)
    return _plain(value)


def _message(error: object) -> str:
    return _plain(error.get("message", "no message") if isinstance(error, dict) else error)


def _plain(value: object) -> str:
    """Text of the log for a page, a terminal or a table: one line, no control characters, not endless."""
    if not isinstance(value, str):
        # Never `repr` of a list or object: theirs may be nested deeper than it can follow.
        value = repr(value) if isinstance(value, int | float | None) else f"a {type(value).__name__}"
    text = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(value[: 2 * _LONGEST].split()))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _exactly(source: ByteSource, size: int) -> bytes:
    """At least `size` bytes from the start, fewer only where there are no more."""
    head = b""
    while len(head) < size and (piece := source.read(size - len(head))):
        head += piece
    return head


def _then(head: bytes, source: ByteSource) -> Iterator[bytes]:
    yield head
    while piece := source.read(1 << 20):
        yield piece


def _seekable(source: Any, rest: Pieces, limits: Limits) -> BinaryIO:
    if source.seekable():
        file: BinaryIO = source
        return file
    held = io.BytesIO()
    while piece := rest.read():
        held.write(piece)
        if held.tell() > limits.held:
            raise BadEvidence(
                f"The log is a zip of more than {limits.held:,} bytes, which cannot be read as a stream.",
                "Split the run into several logs.",
            )
    held.seek(0)
    return held
