"""The first page of each zone: what must I do, by when, what happens if I do not."""

from portal.home.views import developer, evaluator, government, public

__all__ = ["developer", "evaluator", "government", "public"]
