"""What every reader of an evidence file shares: how it refuses, and how much it will read."""

from dataclasses import dataclass

_MIB = 1 << 20


class BadEvidence(Exception):
    """The file cannot be read as evidence.

    `reason` says what is wrong with it, `fix` what the person who sent it can do; both are whole sentences.
    """

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


@dataclass(frozen=True)
class Limits:
    """How much one evidence file may ask of us. Sizes are bytes unless they say otherwise.

    The largest real logs seen are some hundred MiB with samples of tens of MiB; a bomb is orders beyond that.
    """

    total: int = 4096 * _MIB  # unpacked, all entries together
    entry: int = 1024 * _MIB  # unpacked, one entry of a zip
    value: int = 64 * _MIB  # characters of one JSON value held at a time
    held: int = 256 * _MIB  # a zip that comes as a stream must be held: its index is at the end
    read: int = 8 * _MIB  # one read, which bounds the index of a zip (about 100,000 entries)
    entries: int = 100_000
    ratio: int = 500  # unpacked to packed, for entries over `ratio_from`
    ratio_from: int = 8 * _MIB
    digits: int = 400  # of one whole number
    messages: int = 100  # errors and scores reported


LIMITS = Limits()
