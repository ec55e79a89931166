"""Builds a wheel as it is released, and looks whether it is what it should be: its size, tags and symbols.

``wheel.py`` builds one for this machine's kind, and ``--target TRIPLE`` one for another. Those for Linux are
linked by zig against the oldest C library that they are to run with, so that the machine that builds them
does not matter. ``--native`` builds for this machine alone, ``--sdist`` a source distribution, ``--check
WHEEL`` only looks.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import tools
import unwinder

LIMIT = 8_000_000
"""The most bytes of a wheel, as it is downloaded."""

LINUX = {
    "x86_64-unknown-linux-gnu": ("manylinux2014", "manylinux_2_17_x86_64"),
    "aarch64-unknown-linux-gnu": ("manylinux2014", "manylinux_2_17_aarch64"),
    "x86_64-unknown-linux-musl": ("musllinux_1_2", "musllinux_1_2_x86_64"),
    "aarch64-unknown-linux-musl": ("musllinux_1_2", "musllinux_1_2_aarch64"),
}
"""What maturin is told of a target, and the tag that the wheel must have."""

OTHERS = {
    "x86_64-apple-darwin": r"macosx_\d+_\d+_x86_64",
    "aarch64-apple-darwin": r"macosx_\d+_\d+_arm64",
    "x86_64-pc-windows-msvc": "win_amd64",
}

EXPORTED = {"PyInit__patata"}
"""What of the extension others see: its allocator and its C libraries are its own."""


def host() -> str:
    """The target that the compiler builds for by itself."""
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return next(line.split()[1] for line in told.splitlines() if line.startswith("host: "))


def is_glibc(target: str) -> bool:
    """Whether a target is Linux with the GNU C library."""
    return target.endswith("-linux-gnu")


def build(target: str, interpreter: str | None, out: Path, *, is_native: bool) -> Path:
    """Builds a wheel. Gives its path."""
    before = set(out.glob("*.whl"))
    command: list[object] = [
        tools.binaries(tools.environment()) / "maturin",
        "build",
        "--release",
        "--locked",
        "--out",
        out,
    ]
    if is_native:
        command += ["--auditwheel", "skip", "--compatibility", "off"] if target in LINUX else []
    else:
        command += ["--target", target]
        if target in LINUX:
            command += ["--zig", "--compatibility", LINUX[target][0], "--auditwheel", "check"]
    if interpreter is not None:
        command += ["--interpreter", interpreter]
    if not is_native and is_glibc(target):
        library = unwinder.import_library(target, tools.REPOSITORY / "target" / "unwinder" / target)
        command += ["--", "-C", f"link-arg={library}"]
    tools.run(*command, cwd=tools.REPOSITORY, env=tools.surroundings())
    made = sorted(set(out.glob("*.whl")) - before) or sorted(
        out.glob("*.whl"), key=lambda one: one.stat().st_mtime
    )
    return made[-1]


def sdist(out: Path) -> None:
    """Builds the source distribution."""
    maturin = tools.binaries(tools.environment()) / "maturin"
    tools.run(maturin, "sdist", "--out", out, cwd=tools.REPOSITORY, env=tools.surroundings())


def faults(wheel: Path, *, is_native: bool = False) -> list[str]:
    """What is wrong with a wheel."""
    found = []
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size / 1e6:.2f} MB")
    if size > LIMIT:
        found.append(f"it has {size:,} bytes, more than {LIMIT:,}: see the last section of RELEASING.md")
    _, _, python, abi, platform = wheel.stem.split("-")
    if not (abi == "abi3" and python == "cp310") and not re.fullmatch(r"cp\d+t?", abi):
        found.append(
            f"its tags are {python}-{abi}, neither those of the stable ABI of 3.10 nor of one Python"
        )
    known = [tag for _, tag in LINUX.values()] + list(OTHERS.values())
    if not is_native and not any(
        re.fullmatch(pattern, one) for pattern in known for one in platform.split(".")
    ):
        found.append(f"its platform is {platform}, which is none of those that are released")
    if "linux" in platform and not is_native:
        found += faults_of_symbols(wheel, platform)
    return found


def faults_of_symbols(wheel: Path, platform: str) -> list[str]:
    """What is wrong with what a wheel for Linux asks of the system's libraries, and shows to others."""
    found = []
    audited = subprocess.run(
        [tools.python_of(tools.environment()), "-m", "auditwheel", "show", wheel],
        capture_output=True,
        text=True,
        check=False,
    )
    print(audited.stdout)
    told = " ".join(audited.stdout.split())
    consistent = re.search(r'platform tag: "(\w+)"', told)
    if audited.returncode or consistent is None:
        found.append(f"auditwheel cannot read it: {audited.stderr}")
    elif not may_claim(platform, consistent[1]):
        found.append(
            f"auditwheel finds it consistent with {consistent[1]}, which its tag {platform} is older than"
        )
    listed = subprocess.run(
        [tools.python_of(tools.environment()), Path(__file__).with_name("symbols.py"), wheel],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    shown = {line.split()[1] for line in listed if line.startswith("shows ")}
    if shown != EXPORTED:
        found.append(f"it shows others {sorted(shown)}, and should {sorted(EXPORTED)}")
    if "manylinux" in platform and "wants _Unwind_Resume" not in listed:
        found.append("it unwinds by a library of its own: see releasing/unwinder.py")
    return found


def may_claim(platform: str, consistent: str) -> bool:
    """Whether a tag asks for a C library that is at least as new as that which the symbols need."""

    def version(tag: str) -> tuple[int, ...]:
        numbers = re.search(r"linux_(\d+)_(\d+)", tag)
        return tuple(map(int, numbers.groups())) if numbers else (0, 0)

    return any(version(consistent) <= version(one) for one in platform.split(".") if version(one) != (0, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", help="what it is built for; default: this machine's kind")
    parser.add_argument("--interpreter", help="build for this Python alone, as free-threaded ones need")
    parser.add_argument("--native", action="store_true", help="build for this machine, without zig")
    parser.add_argument(
        "--quick", action="store_true", help="it is not optimised, so its size does not matter"
    )
    parser.add_argument("--sdist", action="store_true", help="build the source distribution instead")
    parser.add_argument("--check", type=Path, metavar="WHEEL", help="build nothing, look at this one")
    parser.add_argument("--out", type=Path, default=tools.REPOSITORY / "dist", help="where it is put")
    arguments = parser.parse_args()
    if arguments.sdist:
        return sdist(arguments.out.resolve())
    wheel = arguments.check
    if wheel is None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        target = arguments.target or host()
        out = arguments.out.resolve()
        wheel = build(target, arguments.interpreter, out, is_native=arguments.native)
    if arguments.quick:
        return None
    if arguments.check is None:
        tools.run(tools.python_of(tools.environment()), Path(__file__).with_name("repack.py"), wheel)
    found = faults(wheel, is_native=arguments.native)
    for fault in found:
        print(f"{wheel.name}: {fault}", file=sys.stderr)
    return sys.exit(bool(found))


if __name__ == "__main__":
    main()
