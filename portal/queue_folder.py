"""The embedded broker: messages as files of one folder, each of them whole.

Kombu's own transport opens a message's file under its final name before it writes. A reader that lists the
folder in between takes half a message, and the worker ends with an error (seen under load).
"""

from __future__ import annotations

import os
import uuid
from time import time_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils import json


class Channel(filesystem.Channel):
    """Kombu's channel, with messages that appear whole."""

    def _put(self, queue: str, payload: Any, **_options: Any) -> None:  # type: ignore[override]
        # The reader takes names that end in the queue's; until it is renamed this one does not.
        final = os.path.join(self.data_folder_out, f"{time_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg")
        with open(f"{final}.part", "wb") as file:
            file.write(json.dumps(payload).encode())  # type: ignore[no-untyped-call]
        os.replace(f"{final}.part", final)


class Transport(filesystem.Transport):
    """Kombu's transport with this channel."""

    Channel = Channel


def install() -> None:
    """Have ``filesystem://`` mean this transport."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
