"""The package's modules and folders import one another in one direction, as the table says."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import patata
import pytest

PACKAGE = Path(patata.__file__).parent

LAYERS = {
    "_installed": set(),
    "_headers": set(),
    "models": {"_headers", "_patata"},
    "_shown": {"_patata"},
    "receipt": {"_shown"},
    "exceptions": {"_patata", "receipt"},
    "run_folder": {"_patata", "_shown", "exceptions", "models", "receipt"},
    "budget": {"_patata"},
    "cache": {"_patata"},
    "_telemetry": {"_patata", "receipt"},
    "telemetry": {"_patata", "_telemetry"},
    "_options": {"_patata", "budget", "cache", "exceptions", "models", "telemetry"},
    "_call_state": {"_options", "_patata", "_shown", "exceptions", "receipt"},
    "responses": {"_call_state", "_patata", "models", "receipt"},
    "_methods": {"_options", "models"},
    "_callbacks": {"_patata", "exceptions", "models", "receipt"},
    "_pages": {"exceptions", "models"},
    "_crawl": {"_installed", "_pages", "_patata", "models", "run_folder"},
    "_follow": {"_callbacks", "_patata", "exceptions", "models"},
    "_progress": {"_call_state", "_shown", "models", "receipt"},
    "_base": {
        "_crawl",
        "_pages",
        "_follow",
        "_options",
        "_patata",
        "_progress",
        "_telemetry",
        "budget",
        "exceptions",
        "models",
        "receipt",
        "run_folder",
    },
    "_aio": {
        "_call_state",
        "_callbacks",
        "_follow",
        "_options",
        "_patata",
        "_progress",
        "exceptions",
        "models",
        "receipt",
    },
    "_engines": set(),
    "_frames": {
        "_aio",
        "_base",
        "_call_state",
        "_engines",
        "_installed",
        "_options",
        "_patata",
        "_progress",
        "exceptions",
        "receipt",
    },
    "client": {
        "_base",
        "_call_state",
        "_callbacks",
        "_follow",
        "_frames",
        "_methods",
        "_options",
        "_patata",
        "_progress",
        "exceptions",
        "models",
        "receipt",
        "responses",
        "run_folder",
    },
    "aio": {
        "_aio",
        "_base",
        "_call_state",
        "_frames",
        "_methods",
        "_options",
        "_patata",
        "client",
        "exceptions",
        "models",
        "receipt",
        "responses",
        "run_folder",
    },
    "frames": {"_frames", "_options", "_patata", "client"},
    "polars": {"_frames", "_installed", "_options", "frames"},
    "pandas": {"_frames", "_installed", "_options", "frames"},
    "duckdb": {"_frames", "_installed", "_options", "_patata", "client", "exceptions", "frames"},
    "_clusters": {"_frames", "_options", "_patata", "budget", "client", "exceptions", "run_folder"},
    "ray": {"_clusters", "_engines", "_options"},
    "spark": {"_clusters", "_engines", "_options"},
    "dask": {"_clusters", "_engines", "_options", "exceptions"},
    "daft": {"_clusters", "_engines", "_options"},
    "pages": {"_frames", "_pages", "models"},
    "crawl": {"_crawl", "_options", "models"},
    "_testing_proxy": set(),
    "testing": {"_patata", "_testing_proxy"},
    "__init__": {
        "_call_state",
        "_options",
        "_patata",
        "aio",
        "budget",
        "cache",
        "client",
        "crawl",
        "exceptions",
        "frames",
        "models",
        "pages",
        "receipt",
        "responses",
        "run_folder",
        "telemetry",
    },
    "__main__": {"_patata"},
}
"""Which modules and folders each of them imports; only those above it, and ``_patata``, the extension."""

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))
}
"""The paths of all modules by their names within the package."""


def imported(name):
    """The modules of the package that one imports, wherever in it that is."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports by a relative name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {module_of(path.removeprefix("patata.")) for path in found if path.startswith("patata.")}


def module_of(path):
    """The module that a name is of: itself, or what it stands in."""
    while path and path not in MODULES and path != "_patata":
        path = f"{path}.__init__" if f"{path}.__init__" in MODULES else path.rpartition(".")[0]
    return path or "__init__"


def folder_of(name):
    return name.partition(".")[0]


def test_the_table_has_all_modules_and_folders_and_goes_one_way():
    assert {folder_of(name) for name in MODULES} == set(LAYERS)
    above = {"_patata"}
    for folder, allowed in LAYERS.items():
        assert allowed <= above, folder
        above.add(folder)


@pytest.mark.parametrize("folder", LAYERS)
def test_a_folder_imports_what_the_table_says(folder):
    own = [name for name in MODULES if folder_of(name) == folder]
    found = {folder_of(other) for name in own for other in imported(name)}
    assert found - {folder} == LAYERS[folder]


def test_modules_form_no_circle():
    graph = {name: imported(name) for name in MODULES}
    assert set(TopologicalSorter(graph).static_order()) == MODULES.keys() | {"_patata"}
