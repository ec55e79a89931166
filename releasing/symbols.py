"""Lists what the extension in a wheel for Linux shows to others. Needs pyelftools."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator

from elftools.elf.elffile import ELFFile


def shown(library: bytes) -> Iterator[str]:
    """The names that a library defines for others."""
    table = ELFFile(io.BytesIO(library)).get_section_by_name(".dynsym")
    for symbol in table.iter_symbols():
        is_defined = symbol["st_shndx"] != "SHN_UNDEF"
        if is_defined and symbol["st_info"]["bind"] in ("STB_GLOBAL", "STB_WEAK") and symbol.name:
            yield symbol.name


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        (name,) = [
            name for name in wheel.namelist() if name.startswith("patata/_patata.") and name.endswith(".so")
        ]
        print(*sorted(shown(wheel.read(name))), sep="\n")


if __name__ == "__main__":
    main()
