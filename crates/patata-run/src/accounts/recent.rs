//! The last seconds of a timeline, read from its end.

use std::io::{self, Read, Seek, SeekFrom};

use super::tick::Tick;

/// No line that was written here is longer.
const LONGEST_LINE: u64 = 1 << 12;

/// The last seconds of a timeline, at most so many, the oldest first. However long it is, only its end is read. What is
/// torn or makes no sense is left out.
///
/// ```
/// use std::io::Cursor;
///
/// let lines = "{\"time\":1}\n{\"time\":2}\n{\"time\":3}\n{\"ti";
/// let ticks = patata_run::recent_ticks(Cursor::new(lines), 2)?;
/// assert_eq!(ticks.iter().map(|tick| tick.time).collect::<Vec<_>>(), [2.0, 3.0]);
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
/// Those of the reader.
pub fn recent_ticks(mut lines: impl Read + Seek, most: usize) -> io::Result<Vec<Tick>> {
    let length = lines.seek(SeekFrom::End(0))?;
    let wanted = LONGEST_LINE.saturating_mul(most as u64 + 1).min(length);
    lines.seek(SeekFrom::Start(length - wanted))?;
    let mut end = Vec::new();
    // It may grow meanwhile.
    lines.take(wanted).read_to_end(&mut end)?;
    let mut ticks: Vec<Tick> = end
        .split(|byte| *byte == b'\n')
        .rev()
        .filter_map(|line| serde_json::from_slice(line).ok())
        .take(most)
        .collect();
    ticks.reverse();
    Ok(ticks)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn only_the_end_of_a_long_timeline_is_read() {
        /// Fails where it is read outside of its end.
        struct Long(Cursor<Vec<u8>>);

        impl Read for Long {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(self.0.position() + 3 * LONGEST_LINE >= self.0.get_ref().len() as u64);
                self.0.read(buffer)
            }
        }

        impl Seek for Long {
            fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
                self.0.seek(position)
            }
        }

        let line =
            |time: u32| serde_json::to_string(&Tick { time: time.into(), ..Tick::default() }).unwrap() + "\n";
        let text: String = (0..10_000).map(line).collect();
        let ticks = recent_ticks(Long(Cursor::new(text.into_bytes())), 2).unwrap();
        assert_eq!(ticks.iter().map(|tick| tick.time).collect::<Vec<_>>(), [9998.0, 9999.0]);
    }

    #[test]
    fn a_timeline_that_has_just_begun_has_what_it_has() {
        assert!(recent_ticks(Cursor::new(""), 60).unwrap().is_empty());
        assert_eq!(recent_ticks(Cursor::new("{\"time\":1}\nrubbish\n"), 60).unwrap().len(), 1);
    }
}
