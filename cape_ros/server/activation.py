"""Which categories are active on which camera."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.perception.category import Category, not_registered

CategoryFilter = frozenset[str] | None
"""Names of categories; None = all, also those that are registered later."""


@dataclass(frozen=True)
class Activation:
    """others: the default filter, for cameras not listed in `cameras`."""

    others: CategoryFilter = None
    cameras: Mapping[str, CategoryFilter] = field(default_factory=dict)

    def activate(self, camera: str | None, names: Iterable[str] | None) -> Activation:
        """These names on one camera; without a camera, on every one."""
        chosen = None if names is None else frozenset(names)
        if camera is None:
            return Activation(chosen)
        return replace(self, cameras={**self.cameras, camera: chosen})

    def without_category(self, name: str) -> Activation:
        """The activation after a category is removed from the library."""
        return Activation(
            self.others and self.others - {name},
            {camera: names and names - {name} for camera, names in self.cameras.items()},
        )

    def with_category(self, name: str, like: str) -> Activation:
        """The activation with `name` active exactly where `like` is, as far as names are listed."""

        def extended(names: CategoryFilter) -> CategoryFilter:
            return names and (names | {name} if like in names else names - {name})

        return Activation(
            extended(self.others), {camera: extended(n) for camera, n in self.cameras.items()}
        )

    def includes(self, camera: str, name: str) -> bool:
        """Whether a category is active on a camera."""
        names = self.cameras.get(camera, self.others)
        return names is None or name in names

    def anywhere(self, name: str) -> bool:
        """Whether the category is active on any camera, or would be on a new one."""
        return any(n is None or name in n for n in (self.others, *self.cameras.values()))


def check_names(known: Mapping[str, Category], names: Sequence[str]) -> None:
    """Raises `InvalidInput` that lists every one that is not registered as `categories[i]`."""
    faults = name_faults(known, names)
    if faults:
        raise InvalidInput(faults)


def name_faults(known: Mapping[str, Category], names: Sequence[str]) -> list[Fault]:
    """A fault `categories[i]` for each name that is not registered."""
    return [
        Fault(f"categories[{index}]", not_registered(known, name), "unknown_category")
        for index, name in enumerate(names)
        if name not in known
    ]
