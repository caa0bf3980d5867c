"""Builds a network without its initial values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DRAWS = (Tensor.uniform_, Tensor.normal_)


class Undrawn(TorchFunctionMode):
    """A context in which modules are built with parameters of any values, for who loads others.

    Drawing them takes longer than reading a file, and would move on PyTorch's random generator.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """What `func` returns, or the tensor that it would fill as it is."""
        named = kwargs or {}
        if func in DRAWS or getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else named["tensor"]
        return func(*args, **named)
