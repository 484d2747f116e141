# What Assay uses of Flask-Login, which ships no types.
from collections.abc import Callable
from typing import Any, Protocol

from flask import Flask

class _User(Protocol):
    @property
    def is_authenticated(self) -> bool: ...
    def get_id(self) -> str: ...

class LoginManager:
    session_protection: str | None
    def __init__(self, app: Flask | None = ...) -> None: ...
    def user_loader(self, callback: Callable[[str], _User | None]) -> Callable[[str], _User | None]: ...

current_user: Any
"""A proxy: the user that the loader returned, or an anonymous one."""

def login_user(user: _User, remember: bool = ..., force: bool = ..., fresh: bool = ...) -> bool: ...
def logout_user() -> bool: ...
