"""Makes `import sensor_msgs.msg` and the like work: a finder for packages of definitions."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any

from cape_ros.wire.definitions import STORE
from cape_ros.wire.interfaces import message, service


class InterfaceFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes last: a real module of the same name, as `cape_ros` itself, is found before."""

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        kind = fullname.partition(".")[2]
        if kind not in ("", "msg", "srv"):
            return None
        prefix = fullname.replace(".", "/") + "/"
        if not any(name.startswith(prefix) for name in STORE.fielddefs):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=not kind)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        package, _, kind = module.__name__.partition(".")
        if not kind:
            return
        prefix = f"{package}/{kind}/"
        # Requests and responses are reached through their service.
        names = {n.removeprefix(prefix) for n in STORE.fielddefs if n.startswith(prefix)}
        if kind == "srv":
            names = {n.removesuffix("_Request") for n in names if n.endswith("_Request")}

        def make(name: str) -> Any:
            if name not in names:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            made = message(prefix + name) if kind == "msg" else service(prefix + name)
            setattr(module, name, made)
            return made

        module.__dict__.update(__getattr__=make, __all__=sorted(names))


def add_import_hook() -> None:
    if not any(isinstance(finder, InterfaceFinder) for finder in sys.meta_path):
        sys.meta_path.append(InterfaceFinder())
