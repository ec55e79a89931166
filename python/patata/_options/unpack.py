"""``Unpack`` for the types of ``**options``, which Python has from 3.11 on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack
else:

    class Unpack:
        """Enough of it for ``typing.get_type_hints``."""

        def __class_getitem__(cls, options: Any) -> Any:
            return options


__all__ = ["Unpack"]
