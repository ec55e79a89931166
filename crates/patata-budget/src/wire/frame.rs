//! Lines of a bounded length, read so that nothing is lost where the wait for one is given up.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads lines.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// How much of the buffer is known to have no end of a line.
    looked: usize,
    longest: usize,
}

/// Why there is no line.
#[derive(Debug)]
pub(crate) enum NoLine {
    /// The connection has ended.
    Ended,
    /// It is longer than any line may be. What has come of it.
    TooLong(Vec<u8>),
    Io(io::Error),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R, longest: usize) -> Self {
        Self { reader, buffer: Vec::with_capacity(1024), looked: 0, longest }
    }

    /// The next line, without its end. May be dropped at any time and called again.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, NoLine> {
        loop {
            if let Some(length) = self.buffer[self.looked..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(self.looked + length + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                self.looked = 0;
                line.pop();
                return Ok(line);
            }
            self.looked = self.buffer.len();
            if self.looked > self.longest {
                return Err(NoLine::TooLong(std::mem::take(&mut self.buffer)));
            }
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) => return Err(NoLine::Ended),
                Ok(_) => {}
                Err(cause) => return Err(NoLine::Io(cause)),
            }
        }
    }

    /// From now on lines may be so long.
    pub(crate) fn allow(&mut self, longest: usize) {
        self.longest = longest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    proptest! {
        /// However the bytes are cut.
        #[test]
        fn lines_come_as_they_were_sent(
            lines in proptest::collection::vec("[a-z]{0,40}", 0..20),
            cuts in proptest::collection::vec(1..30_usize, 1..20),
        ) {
            let bytes: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
            let got = run(async {
                let (mut near, far) = tokio::io::duplex(16);
                let mut reader = Lines::new(far, 40);
                let send = async {
                    let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
                    while !rest.is_empty() {
                        let (now, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                        near.write_all(now).await.unwrap();
                        rest = later;
                    }
                    drop(near);
                };
                let receive = async {
                    let mut got = Vec::new();
                    while let Ok(line) = reader.next().await {
                        got.push(String::from_utf8(line).unwrap());
                    }
                    got
                };
                tokio::join!(send, receive).1
            });
            prop_assert_eq!(got, lines);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_not_waited_for() {
        let endless = vec![b'x'; 100_000];
        let got = run(async { Lines::new(&endless[..], 100).next().await });
        assert!(matches!(got, Err(NoLine::TooLong(begin)) if begin.len() < 5000));
    }
}
