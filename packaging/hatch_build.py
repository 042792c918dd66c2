"""Puts the resource files under the package in a wheel; a checkout finds them at its top level."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ResourcesIntoTheWheel(BuildHookInterface):  # type: ignore[type-arg]
    """Standard wheels only: an editable install reads the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the resources."""
        if version == "standard":
            build_data["force_include"]["resources"] = "alumni_desk/resources"
