//! Texts from elsewhere in HTML: escaped, shortened, and unable to be anything but text.

use std::fmt::{self, Write as _};

use crate::accounts::figures;

/// From one thing to another.
pub(crate) const ARROW: char = '→';

/// A text as it stands in HTML, in an element or in an attribute in quotes.
pub(crate) struct Escaped<'a>(&'a str);

/// The text with all that means something to HTML, or that could change how the text around it is shown, made harmless.
pub(crate) fn escaped(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                '`' => formatter.write_str("&#96;")?,
                '\n' | '\t' => formatter.write_char(' ')?,
                character if is_harmful(character) => formatter.write_char('\u{fffd}')?,
                character => formatter.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// Control characters, and marks that turn the direction of writing or cannot be seen.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text, or its beginning where it is longer than so many characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A word of a command, in quotes where a shell would take it for something else.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    // A word that begins with a dash would be an option.
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A section begins, with its heading.
pub(crate) fn open(heading: &str) -> String {
    format!("<section>\n<h2>{}</h2>\n", escaped(heading))
}

/// Adds items until so many bytes are full. Gives how many it added.
pub(crate) fn fill(section: &mut String, most: usize, items: impl Iterator<Item = String>) -> usize {
    let end = section.len() + most;
    let mut added = 0;
    for item in items {
        if section.len() + item.len() > end {
            break;
        }
        section.push_str(&item);
        added += 1;
    }
    added
}

/// Says how much more there is than is shown.
pub(crate) fn note_of_more(section: &mut String, more: usize, noun: &str) {
    if more > 0 {
        let _ = writeln!(section, "<p class=\"note\">and {} more</p>", figures::counted(more as u64, noun));
    }
}

/// A picture in its two sizes, with the table of what it shows.
pub(crate) fn figure(wide: &str, narrow: &str, caption: &str, table: &str) -> String {
    format!(
        "<figure>\n<div class=\"wide\">{wide}</div>\n<div class=\"narrow\">{narrow}</div>\n\
         <figcaption>{}</figcaption>\n<details><summary>Table</summary>\n<div class=\"scroll\">{table}</div></details>\n\
         </figure>\n",
        escaped(caption)
    )
}

/// A table of figures: the first column names the row.
pub(crate) fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = "<table>\n<thead><tr>".to_owned();
    for column in columns {
        let _ = write!(table, "<th scope=\"col\">{}</th>", escaped(column));
    }
    table.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        table.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let _ = match place {
                0 => write!(table, "<th scope=\"row\">{}</th>", escaped(cell)),
                _ => write!(table, "<td>{}</td>", escaped(cell)),
            };
        }
        table.push_str("</tr>\n");
    }
    table + "</tbody>\n</table>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_html_is_text() {
        assert_eq!(
            escaped("<a href=\"x\" o='y'>&`\u{202e}\x00\n").to_string(),
            "&lt;a href=&quot;x&quot; o=&#39;y&#39;&gt;&amp;&#96;\u{fffd}\u{fffd} "
        );
    }

    #[test]
    fn a_word_of_a_command_is_one_word() {
        for (word, expected) in
            [("run/", "run/"), ("my run", "'my run'"), ("", "''"), ("a'b", "'a'\\''b'"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn a_long_text_is_shortened() {
        assert_eq!((shortened("äöü", 3), shortened("äöüß", 3)), ("äöü".to_owned(), "äö…".to_owned()));
    }
}
