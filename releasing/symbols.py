"""Lists what the extension in a wheel for Linux shows to others, and wants of them. Needs pyelftools."""

from __future__ import annotations

import io
import sys
import zipfile

from elftools.elf.elffile import ELFFile


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        (name,) = [
            name for name in wheel.namelist() if name.startswith("patata/_patata.") and name.endswith(".so")
        ]
        library = ELFFile(io.BytesIO(wheel.read(name)))
    for symbol in library.get_section_by_name(".dynsym").iter_symbols():
        if symbol.name and symbol["st_info"]["bind"] in ("STB_GLOBAL", "STB_WEAK"):
            print("wants" if symbol["st_shndx"] == "SHN_UNDEF" else "shows", symbol.name)


if __name__ == "__main__":
    main()
