"""What releases are made of: one version in all that names it, and tools that notice what is wrong."""

import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

import patata
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def tool(name):
    """A program of the folder `releasing`, as a module."""
    sys.path.insert(0, str(REPOSITORY / "releasing"))
    try:
        spec = importlib.util.spec_from_file_location(
            f"releasing_{name}", REPOSITORY / "releasing" / f"{name}.py"
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        del sys.path[0]
    return module


readme, versions, wheel = tool("readme"), tool("versions"), tool("wheel")


def test_all_that_names_the_version_names_the_same():
    assert versions.faults() == []
    assert patata.__version__ == importlib.metadata.version("patata") == versions.version()


def test_a_tag_of_another_version_is_noticed():
    assert any("the tag is v0.1.0" in fault for fault in versions.faults("v0.1.0"))


@pytest.mark.parametrize("name", ["CITATION.cff", "CHANGELOG.md", "Cargo.lock", "Cargo.toml"])
def test_a_file_with_another_version_is_noticed(monkeypatch, name):
    told, kept = versions.text, re.escape(versions.version())
    # In Cargo.toml, what the crates ask of one another.
    pattern = rf'(path = .*version = "|version: |## |name = "patata"\nversion = "){kept}'

    def changed(asked):
        text = told(asked)
        return re.sub(pattern, r"\g<1>9.9.9", text, count=1) if asked == name else text

    monkeypatch.setattr(versions, "text", changed)
    assert any("9.9.9" in fault for fault in versions.faults())


def test_the_notes_of_a_release_are_the_section_on_top_of_the_changelog():
    assert versions.notes().strip()
    assert "\n## " not in versions.notes()


def test_on_pypi_the_links_of_the_readme_lead_to_the_repository():
    def link(kind, path):
        return f"https://github.com/oalfonso-o/patata/{kind}/v4.0.0/{path}"

    text = readme.absolute(versions.text("README.md"), "v4.0.0")
    assert f"]({link('blob', 'docs/tutorial.md')})" in text
    assert f"]({link('raw', 'docs/pictures/live.svg')})" in text
    assert f'srcset="{link("raw", "bench/results/contest-dark.svg")}"' in text
    assert f'src="{link("raw", "bench/results/contest-light.svg")}"' in text
    assert "<https://oalfonso-o.github.io/patata/>" in text
    targets = re.findall(r'(?:\]\(|(?:src|srcset|href)=")([^)"]+)', text)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith("https://")] == []
    assert readme.absolute(text, "v9.9.9") == text


def made(path, size=1_000):
    path.write_bytes(b"\0" * size)
    return path


def test_a_wheel_that_is_too_large_or_for_nobody_is_noticed(tmp_path):
    assert wheel.faults(made(tmp_path / "patata-4.0.0-cp310-abi3-win_amd64.whl")) == []
    assert wheel.faults(made(tmp_path / "patata-4.0.0-cp314-cp314t-macosx_11_0_arm64.whl")) == []
    (large,) = wheel.faults(made(tmp_path / "patata-4.0.0-cp310-abi3-macosx_11_0_arm64.whl", wheel.LIMIT + 1))
    assert "8,000,001 bytes" in large
    (elsewhere,) = wheel.faults(made(tmp_path / "patata-4.0.0-cp310-abi3-win32.whl"))
    assert "win32" in elsewhere
    (no_abi,) = wheel.faults(made(tmp_path / "patata-4.0.0-py3-none-win_amd64.whl"))
    assert "none" in no_abi


@pytest.mark.parametrize(
    ("platform", "needed", "may"),
    [
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_17_x86_64", True),
        ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", True),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_34_x86_64", False),
        ("musllinux_1_2_aarch64", "musllinux_1_2_aarch64", True),
        ("musllinux_1_1_aarch64", "musllinux_1_2_aarch64", False),
    ],
)
def test_a_wheel_claims_no_older_system_than_its_symbols_need(platform, needed, may):
    assert wheel.may_claim(platform, needed) is may


def test_every_python_that_is_supported_is_named_in_the_metadata_and_tested_by_the_workflow():
    metadata = importlib.metadata.metadata("patata")
    named = [line.rpartition(" ")[2] for line in metadata.get_all("Classifier") if "Python :: 3." in line]
    workflow = (REPOSITORY / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    (tested,) = re.findall(r"^ +python: \[(.+)\]$", workflow, re.MULTILINE)
    assert [*named, "3.14t"] == re.findall(r'"(.+?)"', tested)
    assert metadata["Requires-Python"] == f">={named[0]}"


def test_every_action_of_a_workflow_is_pinned_and_every_job_ends():
    for path in sorted((REPOSITORY / ".github" / "workflows").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"uses: (\S+)(.*)", text)
        assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action, _ in used), path
        assert all(re.fullmatch(r" # v[\d.]+", version) for _, version in used), path
        assert text.count("runs-on: ") == text.count("timeout-minutes: "), path
        assert "\npermissions:" in text, path
        assert "\nconcurrency:" in text, path
