"""Finds every page that a person can reach by links, and judges what was served as markup."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urldefrag, urljoin, urlsplit

import html5lib
from playwright.sync_api import BrowserContext

from tests.fixtures.instance import Instance

PAGES_A_PERSON = 400
"""A crawl that finds more than this has met a page that makes links for ever."""

_REFERENCE = re.compile(r"\b[A-Z]{1,3}-\d{4}-\d+\b")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Served:
    """An answer to one GET."""

    address: str
    status: int
    media_type: str
    body: str

    @property
    def pattern(self) -> str:
        """The address without what differs between pages of one kind."""
        parts = urlsplit(self.address)
        path = _UUID.sub("*", _REFERENCE.sub("*", parts.path))
        names = sorted(pair.partition("=")[0] for pair in parts.query.split("&") if pair)
        return re.sub(r"/\d+\b", "/*", path) + ("?" + "&".join(names) if names else "")

    def links(self) -> list[str]:
        """Where the links of the page lead within its own zone, without fragments."""
        found = (
            urldefrag(urljoin(self.address, link)).url for link in re.findall(r'href="([^"]*)"', self.body)
        )
        host = urlsplit(self.address).netloc
        return [link.replace("&amp;", "&") for link in found if urlsplit(link).netloc == host]

    def faults(self) -> list[str]:
        """What is wrong with the markup: syntax, heading, title, identifiers, inline style and script."""
        try:
            html5lib.HTMLParser(strict=True).parse(self.body)
        except html5lib.html5parser.ParseError as error:
            return [f"not valid HTML: {error}"]
        wrong = []
        if len(re.findall(r"<h1[ >]", self.body)) != 1:
            wrong.append("not exactly one h1")
        if not re.search(r"<title>\s*[^<\s–][^<]*– Assay</title>", self.body):
            wrong.append("no title of its own")
        ids = Counter(re.findall(r'\sid="([^"]+)"', self.body))
        wrong += [f"id {one} {times} times" for one, times in ids.items() if times > 1]
        named = re.findall(r'(?:for|aria-describedby|aria-labelledby)="([^"]+)"', self.body)
        wrong += [f"no element {one}" for several in named for one in several.split() if one not in ids]
        wrong += [
            f"inline {found}" for found in re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", self.body)
        ]
        return wrong


def fetch(instance: Instance, context: BrowserContext, agent: str, address: str) -> Served:
    """GET an address with the cookies of a browser; connects to loopback and sends the host name.

    ``agent`` is how the browser names itself: a session is bound to it.
    """
    parts = urlsplit(address)
    cookies = context.cookies(address)
    connection = HTTPConnection("127.0.0.1", instance.port, timeout=30)
    headers = {
        "Host": parts.netloc,
        "Cookie": "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in cookies),
        "User-Agent": agent,
    }
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        media_type = answer.headers.get_content_type()
        body = answer.read()
        location = answer.headers.get("Location")
        if answer.status in (301, 302, 303, 308) and location:
            return fetch(instance, context, agent, urljoin(address, location))
        return Served(address, answer.status, media_type, body.decode() if media_type == "text/html" else "")
    finally:
        connection.close()


def crawl(instance: Instance, context: BrowserContext, start: str) -> Iterator[Served]:
    """Every page reachable from the first one, breadth first; two of each pattern are followed further."""
    waiting, seen = deque([start]), {start}
    followed: Counter[str] = Counter()
    agent = context.pages[0].evaluate("navigator.userAgent")
    while waiting:
        served = fetch(instance, context, agent, waiting.popleft())
        assert urlsplit(served.address).path != "/sign-in", f"{start} asks to sign in"
        yield served
        followed[served.pattern] += 1
        if served.media_type != "text/html" or followed[served.pattern] > 2:
            continue
        for link in served.links():
            if link not in seen and not urlsplit(link).path.startswith("/static/"):
                seen.add(link)
                waiting.append(link)
        assert len(seen) < PAGES_A_PERSON, f"{len(seen)} addresses, the last from {served.address}"
