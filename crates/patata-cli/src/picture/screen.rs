//! A few lines of a terminal that are drawn again and again in place.

use std::io::{self, Write};

/// The columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Default for Size {
    /// What is assumed of a terminal that does not tell.
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

impl Size {
    /// That of the terminal that stderr is, at this moment: a person may resize it at any time.
    pub(crate) fn of_stderr() -> Self {
        let size = terminal_size::terminal_size_of(io::stderr());
        size.map_or_else(Self::default, |(columns, rows)| Self {
            columns: columns.0.into(),
            rows: rows.0.into(),
        })
    }
}

/// The lines that stand at the end of a terminal. The cursor is below them.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    lines: Vec<String>,
}

impl Screen {
    /// Draws lines in place of those that stand there. All is written at once, and each line is overwritten before its
    /// rest is cleared: nothing flickers.
    pub(crate) fn draw(&mut self, out: &mut impl Write, lines: &[String], size: Size) -> io::Result<()> {
        // One row is for the cursor.
        let lines = &lines[..lines.len().min(size.rows.saturating_sub(1))];
        let mut frame = self.to_first(size);
        for line in lines {
            frame.push_str(line);
            frame.push_str("\x1b[K\r\n");
        }
        // Lines below, where there were more than now are.
        frame.push_str("\x1b[J");
        self.lines = lines.to_vec();
        write_out(out, &frame)
    }

    /// Writes text above the lines, which stay.
    pub(crate) fn print_above(&mut self, out: &mut impl Write, text: &str, size: Size) -> io::Result<()> {
        let mut frame = self.to_first(size);
        frame.push_str("\x1b[J");
        for line in text.lines() {
            frame.push_str(line);
            frame.push_str("\r\n");
        }
        for line in &self.lines {
            frame.push_str(line);
            frame.push_str("\r\n");
        }
        write_out(out, &frame)
    }

    /// What moves the cursor to the first line. A terminal that has become narrower has wrapped the lines meanwhile.
    fn to_first(&self, size: Size) -> String {
        let rows_of = |line: &String| shown_width(line).div_ceil(size.columns.max(1)).max(1);
        let rows: usize = self.lines.iter().map(rows_of).sum();
        // What has moved out of the top cannot be reached.
        match rows.min(size.rows.saturating_sub(1)) {
            0 => "\r".to_owned(),
            rows => format!("\r\x1b[{rows}A"),
        }
    }
}

fn write_out(out: &mut impl Write, frame: &str) -> io::Result<()> {
    out.write_all(frame.as_bytes())?;
    out.flush()
}

/// The columns of a line, without what sets its colours.
fn shown_width(line: &str) -> usize {
    let mut width = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\x1b' {
            characters.by_ref().find(|character| *character == 'm');
        } else {
            width += 1;
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of a terminal as is needed to see what stands on it in the end.
    struct Terminal {
        rows: Vec<Vec<char>>,
        at: (usize, usize),
        columns: usize,
    }

    impl Terminal {
        fn new(columns: usize) -> Self {
            Self { rows: vec![Vec::new()], at: (0, 0), columns }
        }

        fn feed(&mut self, bytes: &[u8]) {
            let mut characters = std::str::from_utf8(bytes).unwrap().chars();
            while let Some(character) = characters.next() {
                match character {
                    '\r' => self.at.1 = 0,
                    '\n' => self.at.0 += 1,
                    '\x1b' => {
                        assert_eq!(characters.next(), Some('['));
                        let mut number = 0;
                        let command = loop {
                            match characters.next().unwrap() {
                                digit if digit.is_ascii_digit() => {
                                    number = number * 10 + digit.to_digit(10).unwrap() as usize;
                                }
                                command => break command,
                            }
                        };
                        match command {
                            'K' => self.cut(),
                            'J' => {
                                self.cut();
                                self.rows.truncate(self.at.0 + 1);
                            }
                            'A' => self.at.0 -= number,
                            _ => panic!("{command}"),
                        }
                    }
                    character => self.put(character),
                }
                while self.rows.len() <= self.at.0 {
                    self.rows.push(Vec::new());
                }
            }
        }

        fn cut(&mut self) {
            let column = self.at.1;
            self.row().truncate(column);
        }

        fn row(&mut self) -> &mut Vec<char> {
            &mut self.rows[self.at.0]
        }

        fn put(&mut self, character: char) {
            let column = self.at.1;
            let row = self.row();
            row.truncate(row.len().max(column));
            if column < row.len() {
                row[column] = character
            } else {
                row.push(character)
            }
            self.at.1 += 1;
        }

        /// As terminals do it: a row that has become too long is wrapped.
        fn resize(&mut self, columns: usize) {
            self.columns = columns;
            let mut wrapped = Vec::new();
            for row in &self.rows {
                if row.is_empty() {
                    wrapped.push(Vec::new());
                }
                wrapped.extend(row.chunks(columns).map(<[char]>::to_vec));
            }
            self.at = (wrapped.len() - 1, 0);
            self.rows = wrapped;
        }

        fn shown(&self) -> Vec<String> {
            self.rows.iter().map(|row| row.iter().collect()).collect()
        }
    }

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn on(columns: usize) -> Size {
        Size { columns, rows: 24 }
    }

    #[test]
    fn lines_take_the_place_of_those_before() {
        let (mut screen, mut terminal) = (Screen::default(), Terminal::new(40));
        for texts in [&["one", "two is long", "three"][..], &["uno", "dos"], &["a", "b", "c"]] {
            let mut out = Vec::new();
            screen.draw(&mut out, &lines(texts), on(40)).unwrap();
            terminal.feed(&out);
            assert_eq!(terminal.shown(), [texts, &[""]].concat());
        }
    }

    #[test]
    fn a_message_stands_above_and_stays() {
        let (mut screen, mut terminal) = (Screen::default(), Terminal::new(40));
        let mut out = Vec::new();
        screen.draw(&mut out, &lines(&["one", "two"]), on(40)).unwrap();
        screen.print_above(&mut out, "a warning\nof two lines", on(40)).unwrap();
        screen.draw(&mut out, &lines(&["1", "2"]), on(40)).unwrap();
        terminal.feed(&out);
        assert_eq!(terminal.shown(), ["a warning", "of two lines", "1", "2", ""]);
    }

    #[test]
    fn a_terminal_that_became_narrower_is_overwritten_as_well() {
        let (mut screen, mut terminal) = (Screen::default(), Terminal::new(40));
        let mut out = Vec::new();
        screen.draw(&mut out, &lines(&["a line of thirty characters ..", "two"]), on(40)).unwrap();
        terminal.feed(&out);
        terminal.resize(12);
        let mut out = Vec::new();
        screen.draw(&mut out, &lines(&["short", "2"]), on(12)).unwrap();
        terminal.feed(&out);
        assert_eq!(terminal.shown(), ["short", "2", ""]);
    }

    #[test]
    fn a_low_terminal_has_as_many_lines_as_fit() {
        let mut screen = Screen::default();
        let mut out = Vec::new();
        screen.draw(&mut out, &lines(&["1", "2", "3"]), Size { columns: 40, rows: 3 }).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\r1\x1b[K\r\n2\x1b[K\r\n\x1b[J");
    }

    #[test]
    fn what_sets_colours_has_no_width() {
        assert_eq!(shown_width("\x1b[32mgrün\x1b[0m!"), 5);
    }
}
