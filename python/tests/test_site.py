"""What looks through the built site finds what is wrong with one."""

import subprocess
import sys

import pytest
from guide import ROOT

CHECK = ROOT / "python/tests/tools/check_site.py"


def said(folder):
    done = subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True)
    assert done.stderr == ""
    of_ours = ("there is no errors/", "the reference has no ")
    lines = [line for line in done.stdout.splitlines() if not line.startswith(of_ours)]
    assert done.returncode == 1
    return lines


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="gone.html">x</a>', "links to gone.html, which is not there"),
        ('<a href="#gone">x</a>', "links to #gone, which has no such anchor"),
        ('<a href="other.html#gone">x</a>', "links to other.html#gone, which has no such anchor"),
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
        ('<script src="//cdn.example/x.js"></script>', "loads //cdn.example/x.js"),
        ('<link rel="stylesheet" href="https://fonts.example/css">', "loads https://fonts.example/css"),
        ('<link rel="preconnect" href="https://fonts.example">', "loads https://fonts.example"),
        ('<img src="a.png" srcset="https://x.example/a.png 2x">', "loads https://x.example/a.png"),
        ('<img src="gone.png">', "loads gone.png, which is not there"),
        ("<style>@import 'https://fonts.example/a';</style>", "loads https://fonts.example/a"),
        ('<p style="background: url(https://x.example/b)">', "loads https://x.example/b"),
    ],
)
def test_it_tells_of(html, fault, tmp_path):
    (tmp_path / "index.html").write_text(f"<h1 id='top'>x</h1>{html}")
    (tmp_path / "other.html").write_text("<h1 id='there'>x</h1>")
    assert f"index.html {fault}" in said(tmp_path)


def test_it_tells_of_what_style_sheets_load(tmp_path):
    (tmp_path / "index.html").write_text("<p>x</p>")
    (tmp_path / "a.css").write_text("@font-face { src: url(https://fonts.example/f.woff2) }")
    assert said(tmp_path) == ["a.css loads https://fonts.example/f.woff2"]


def test_it_lets_pass_what_is_right(tmp_path):
    (tmp_path / "a.css").write_text("a { background: url('data:image/svg+xml;x') }")
    (tmp_path / "index.html").write_text(
        "<link rel=stylesheet href=a.css><link rel=canonical href=https://x.example/>"
        "<a href='other.html#there'>x</a><a href='https://x.example'>x</a><a href='.'>x</a>"
    )
    (tmp_path / "other.html").write_text("<h1 id='there'>x</h1><a href='#there'>x</a>")
    assert said(tmp_path) == []


def test_an_error_without_a_page_and_a_name_without_reference_are_told(tmp_path):
    (tmp_path / "index.html").write_text("<p>x</p>")
    done = subprocess.run([sys.executable, CHECK, tmp_path], capture_output=True, text=True)
    assert "there is no errors/ConnectError.html\n" in done.stdout
    assert "the reference has no Patata\n" in done.stdout
