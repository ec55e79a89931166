"""Reads the HTML that notebooks show, and refuses what hostile text could have made of it."""

from html.parser import HTMLParser

TAGS = {"b", "details", "div", "pre", "span", "summary", "table", "tbody", "td", "tr"}
"""All tags that there may be: none that runs, loads or leads anywhere."""


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
        self.texts = []

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS, tag
        for name, value in attributes:
            assert name == "style", (tag, name)
            assert "url(" not in value, value
            assert "expression" not in value, value
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def text_of(html):
    """The text of a block, which has been found to be safe and well-formed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    text = " ".join(reader.texts)
    assert all(each.isprintable() or each in "\n\t" for each in text), repr(text)
    return " ".join(text.split())


def html_of(shown):
    """What a notebook is given of an object, which must be encodable and short."""
    html = shown._repr_html_()
    assert len(html.encode()) < 60_000
    return html


def told_by(shown):
    """The text that a notebook shows of an object."""
    return text_of(html_of(shown))
