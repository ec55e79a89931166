"""What static checkers make of the options: they refuse unknown and mistyped ones, and nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import patata
import pytest
from patata._options.table import TABLE

FOLDER = Path(__file__).parent / "typed"
GOOD, BAD = FOLDER / "good.py", FOLDER / "bad.py"
REPOSITORY = Path(__file__).parents[2]
PACKAGES = Path(patata.__file__).parents[1]


def mypy():
    """The lines of either file that mypy refuses, with its words."""
    command = [
        "mypy",
        "--strict",
        "--config-file",
        REPOSITORY / "pyproject.toml",
        "--no-error-summary",
        GOOD,
        BAD,
    ]
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stderr == ""
    found = re.findall(r"^(.+\.py):(\d+): error: (.+)$", done.stdout, re.MULTILINE)
    return [(Path(file).name, int(line), told) for file, line, told in found]


def pyright(tmp_path):
    """The same of pyright, in the edition that comes with all that it needs."""
    settings = tmp_path / "pyrightconfig.json"
    settings.write_text(
        json.dumps(
            {
                "include": [str(GOOD), str(BAD)],
                "extraPaths": [str(PACKAGES)],
                "pythonVersion": "3.10",
                "typeCheckingMode": "standard",
            }
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(settings)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    return [
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"])
        for each in found
        if each["severity"] == "error"
    ]


def meant():
    """The lines that are marked."""
    lines = BAD.read_text().splitlines()
    return {(BAD.name, number) for number, line in enumerate(lines, 1) if line.endswith("# refused")}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_good_calls_are_taken_and_bad_ones_refused(checker, tmp_path):
    found = mypy() if checker == "mypy" else pyright(tmp_path)
    refused = {(file, line) for file, line, _ in found}
    assert [each for each in found if each[:2] not in meant()] == []
    assert meant() - refused == set()


@pytest.mark.parametrize(("path", "untyped"), [(GOOD, set()), (BAD, {"json"})], ids=["good", "bad"])
def test_each_option_is_among_the_calls(path, untyped):
    text = path.read_text()
    assert {name for name in TABLE if not re.search(rf"\b{name}=", text)} == untyped
