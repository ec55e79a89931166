//! Shapes over time that several pictures are made of.

use std::fmt::Write as _;

use super::frame::Frame;
use crate::accounts::Bucket;

/// When each bucket begins and ends, in seconds of the run.
pub(crate) fn spans(buckets: &[Bucket]) -> Vec<(f64, f64)> {
    let mut begin = 0.0;
    let span = |bucket: &Bucket| {
        let span = (begin, begin + bucket.seconds);
        begin = span.1;
        span
    };
    buckets.iter().map(span).collect()
}

/// A path of steps, written as short as can be: each step from the one before, to a tenth, with no error carried on.
struct Steps {
    path: String,
    x: i64,
    y: i64,
}

impl Steps {
    fn begin(x: f64, y: f64) -> Self {
        let mut steps = Self { path: String::new(), x: 0, y: 0 };
        steps.jump(x, y);
        steps
    }

    fn jump(&mut self, x: f64, y: f64) {
        (self.x, self.y) = (tenths(x), tenths(y));
        self.path.push('M');
        push_tenths(&mut self.path, self.x);
        self.path.push(' ');
        push_tenths(&mut self.path, self.y);
    }

    fn go_x(&mut self, x: f64) {
        let x = tenths(x);
        self.push('h', x - self.x);
        self.x = x;
    }

    fn go_y(&mut self, y: f64) {
        let y = tenths(y);
        self.push('v', y - self.y);
        self.y = y;
    }

    fn push(&mut self, direction: char, by: i64) {
        if by != 0 {
            self.path.push(direction);
            push_tenths(&mut self.path, by);
        }
    }
}

fn tenths(number: f64) -> i64 {
    (number * 10.0).round() as i64
}

fn push_tenths(path: &mut String, tenths: i64) {
    if tenths < 0 {
        path.push('-');
    }
    let (whole, tenth) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
    let _ = match (whole, tenth) {
        (whole, 0) => write!(path, "{whole}"),
        (0, tenth) => write!(path, ".{tenth}"),
        (whole, tenth) => write!(path, "{whole}.{tenth}"),
    };
}

/// A line that keeps each height for as long as its bucket lasts; gaps where there is no height.
pub(crate) fn line(frame: &Frame, spans: &[(f64, f64)], heights: &[Option<f64>]) -> String {
    let mut steps = Steps { path: String::new(), x: 0, y: 0 };
    let mut is_drawing = false;
    for ((begin, end), height) in spans.iter().zip(heights) {
        let Some(height) = height else {
            is_drawing = false;
            continue;
        };
        let y = frame.y(*height);
        if is_drawing {
            steps.go_y(y)
        } else {
            steps.jump(frame.x(*begin), y)
        }
        steps.go_x(frame.x(*end));
        is_drawing = true;
    }
    steps.path
}

/// The same as an area that stands on the bottom.
pub(crate) fn area(frame: &Frame, spans: &[(f64, f64)], heights: &[f64]) -> String {
    let mut steps = Steps::begin(frame.left(), frame.bottom());
    for ((_, end), height) in spans.iter().zip(heights) {
        steps.go_y(frame.y(*height));
        steps.go_x(frame.x(*end));
    }
    steps.go_y(frame.bottom());
    steps.path + "z"
}

/// Marks where another process went on with the run.
pub(crate) fn resumptions(frame: &Frame, parts: &mut String, buckets: &[Bucket], spans: &[(f64, f64)]) {
    let mut path = String::new();
    for (_, (begin, _)) in buckets.iter().zip(spans).filter(|(bucket, _)| bucket.is_resumed) {
        let _ = write!(path, "M{:.1} {:.1}V{}", frame.x(*begin), frame.y(1.0), frame.bottom());
    }
    if !path.is_empty() {
        let _ = write!(parts, "<path class=\"mark\" d=\"{path}\"/>");
    }
}

/// What the caption says of them.
pub(crate) fn caption(caption: &str, buckets: &[Bucket]) -> String {
    let resumed = buckets.iter().any(|bucket| bucket.is_resumed);
    let marks = if resumed { " Dashed: another process went on; the time between is left out." } else { "" };
    format!("{caption}{marks}")
}

#[cfg(test)]
mod tests {
    use super::super::frame::NARROW;
    use super::*;

    #[test]
    fn steps_are_written_from_one_to_the_next_and_end_where_they_should() {
        let frame = Frame::new(NARROW, 134.0, 3.0);
        let spans = [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)];
        assert_eq!(area(&frame, &spans, &[0.5, 0.5, 0.0]), "M52 110v-50h79.3h79.4v50h79.3z");
        assert_eq!(line(&frame, &spans, &[Some(1.0), None, Some(0.25)]), "M52 10h79.3M210.7 85h79.3");
    }
}
