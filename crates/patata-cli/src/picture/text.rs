//! A line of text with colours, that knows how wide it is.

/// The colours that a line has. Those of the terminal, so that they suit its background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Plain,
    Bold,
    Dim,
    Green,
    Cyan,
    Yellow,
    Red,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Cyan => "36",
            Self::Yellow => "33",
            Self::Red => "31",
        }
    }
}

/// A line in the making. Each character is one column wide: texts from elsewhere are made so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    spans: Vec<(Colour, String)>,
}

impl Line {
    pub(crate) fn add(&mut self, colour: Colour, text: impl Into<String>) {
        self.spans.push((colour, text.into()));
    }

    /// The columns that it takes.
    pub(crate) fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// The line in at most so many columns.
    pub(crate) fn render(&self, width: usize, colour: bool, unicode: bool) -> String {
        let is_cut = self.width() > width;
        let ellipsis = if unicode { "…" } else { "~" };
        let mut room = if is_cut { width.saturating_sub(1) } else { width };
        let mut rendered = String::new();
        for (of, text) in &self.spans {
            let part: String = text.chars().take(room).collect();
            room -= part.chars().count();
            if colour && !of.code().is_empty() && !part.is_empty() {
                rendered.push_str(&format!("\x1b[{}m{part}\x1b[0m", of.code()));
            } else {
                rendered.push_str(&part);
            }
        }
        if is_cut && width > 0 {
            rendered.push_str(ellipsis);
        }
        rendered
    }
}

/// A text from elsewhere, such as a host or a message of a server, that can do nothing to the terminal.
pub(crate) fn harmless(text: &str) -> String {
    // Marks that turn the direction of writing can make one text look like another.
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// A text from elsewhere in characters that are one column wide each.
pub(crate) fn narrow(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// As much of a sentence as fits, cut where a part of it ends if that can be.
pub(crate) fn fitting(sentence: &str, width: usize) -> &str {
    if sentence.chars().count() <= width {
        return sentence;
    }
    let mut ends = sentence.rmatch_indices([';', ',']).map(|(end, _)| end);
    let fitting = ends.find(|end| sentence[..*end].chars().count() <= width);
    fitting.map_or(sentence, |end| &sentence[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sentence_is_cut_where_a_part_of_it_ends() {
        let sentence = "limited by rate 5/s; the server answers, 3 slots";
        for (width, expected) in [
            (100, sentence),
            (48, sentence),
            (47, "limited by rate 5/s; the server answers"),
            (20, "limited by rate 5/s"),
            (10, sentence),
        ] {
            assert_eq!(fitting(sentence, width), expected, "{width}");
        }
    }

    #[test]
    fn no_text_does_anything_to_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\u{202e}c é"), "a\u{fffd}[2Jb\u{fffd}c é");
        assert_eq!(narrow("a\x1b日b"), "a??b");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be(texts in prop::collection::vec("[a-z ]{0,20}", 0..5), width in 0_usize..60) {
            let mut line = Line::default();
            texts.iter().for_each(|text| line.add(Colour::Red, text.as_str()));
            let rendered = line.render(width, false, true);
            prop_assert_eq!(rendered.chars().count(), line.width().min(width));
            let coloured = line.render(width, true, true);
            let plain = coloured.replace("\x1b[31m", "").replace("\x1b[0m", "");
            prop_assert_eq!(plain, rendered);
        }
    }
}
