"""The README is short, has its examples run with those of the documentation, and leads to the rest of it."""

import re

import pytest
from guide import ROOT, blocks

README = ROOT / "README.md"
LINKS = re.findall(r'(?:\]\(|src="|srcset=")([^)"#]+)', README.read_text())


def test_it_sells_and_starts_in_150_lines():
    assert len(README.read_text().splitlines()) <= 150


@pytest.mark.parametrize("link", [link for link in LINKS if "://" not in link])
def test_a_link_leads_to_a_file(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("language", ["python", "sh", "rust"])
def test_it_has_an_example_in(language):
    assert any(block.language == language for block in blocks(README))
