"""Makes what an extension is linked with so that it unwinds by the system's libgcc_s, as the C library does.

Zig links an unwinder of its own. But a thread that waits for Python's lock while the interpreter ends is
ended by ``pthread_exit`` (until Python 3.13), which unwinds all its frames by libgcc_s; and where that comes
to frames of ours, they would ask the other unwinder about a state that only the first one knows, and crash.
"""

from __future__ import annotations

from pathlib import Path

import tools

NAME = "libgcc_s.so.1"

VERSIONS = {
    "GCC_3.0": [
        "DeleteException",
        "ForcedUnwind",
        "GetDataRelBase",
        "GetGR",
        "GetIP",
        "GetLanguageSpecificData",
        "GetRegionStart",
        "GetTextRelBase",
        "RaiseException",
        "Resume",
        "SetGR",
        "SetIP",
    ],
    "GCC_3.3": ["Backtrace", "FindEnclosingFunction", "GetCFA", "Resume_or_Rethrow"],
    "GCC_4.2.0": ["GetIPInfo"],
}
"""The functions that a compiler's code calls, by the version of the library that first had them. They are the
same on x86-64 and aarch64, and all of them are older than manylinux2014."""


def import_library(target: str, folder: Path) -> Path:
    """A library of libgcc_s's names alone, for a linker that has none for that target. Gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    source, versions, library = folder / "libgcc_s.c", folder / "libgcc_s.map", folder / NAME
    names = [name for of_version in VERSIONS.values() for name in of_version]
    source.write_text("".join(f"void _Unwind_{name}(void) {{}}\n" for name in names))
    versions.write_text(
        "".join(
            f"{version} {{ global: {' '.join(f'_Unwind_{name};' for name in of_version)} }};\n"
            for version, of_version in VERSIONS.items()
        )
    )
    triple = target.replace("-unknown", "")
    command = [tools.python_of(tools.environment()), "-m", "ziglang", "cc", "-target", triple]
    command += ["-shared", "-nostdlib", f"-Wl,-soname,{NAME}", f"-Wl,--version-script={versions}"]
    tools.run(*command, "-o", library, source)
    return library
