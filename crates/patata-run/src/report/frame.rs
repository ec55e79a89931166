//! The frame of a picture: where a value stands, and the lines and labels that say so.

use std::fmt::Write as _;

use super::html::escaped;
use crate::accounts::figures;

/// The size of a picture: one for a desk, one for a phone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) width: f64,
    /// The most buckets that are drawn.
    pub(crate) buckets: usize,
    /// The most labels along the time.
    pub(crate) labels: usize,
}

pub(crate) const WIDE: View = View { width: 920.0, buckets: 300, labels: 9 };
pub(crate) const NARROW: View = View { width: 350.0, buckets: 100, labels: 4 };

/// Room for the labels at the left, and for those at the right.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;
/// From one label to the next one below it.
const LINE: f64 = 15.0;

/// The width of a letter of a label, rather too much than too little.
pub(crate) const LETTER: f64 = 7.0;

/// The frame of one picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    view: View,
    height: f64,
    /// What stands at the right end.
    longest: f64,
}

impl Frame {
    /// A frame so high, for so many seconds.
    pub(crate) fn new(view: View, height: f64, seconds: f64) -> Self {
        Self { view, height, longest: if seconds > 0.0 { seconds } else { 1.0 } }
    }

    pub(crate) fn left(&self) -> f64 {
        LEFT
    }

    pub(crate) fn right(&self) -> f64 {
        self.view.width - RIGHT
    }

    /// Where the picture ends, with the room for labels at its right.
    pub(crate) fn edge(&self) -> f64 {
        self.view.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    /// Where a moment stands.
    pub(crate) fn x(&self, seconds: f64) -> f64 {
        self.at(seconds / self.longest)
    }

    /// Where a share of the width stands.
    pub(crate) fn at(&self, share: f64) -> f64 {
        LEFT + share.clamp(0.0, 1.0) * (self.right() - LEFT)
    }

    /// Where a share of the height stands, from the bottom.
    pub(crate) fn y(&self, share: f64) -> f64 {
        self.bottom() - share.clamp(0.0, 1.0) * (self.bottom() - TOP)
    }

    /// The picture around its parts. Who cannot see it is told what it is.
    pub(crate) fn svg(&self, label: &str, parts: &str) -> String {
        format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{parts}</svg>",
            self.view.width,
            self.height,
            escaped(label)
        )
    }

    /// A line across, at a share of the height, with its label at the left.
    pub(crate) fn line_across(&self, parts: &mut String, share: f64, label: &str) {
        let y = self.y(share);
        let (right, text_y) = (self.right(), y + 4.0);
        let _ = write!(
            parts,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text class=\"tick\" x=\"{}\" y=\"{text_y:.1}\" \
             text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            escaped(label)
        );
    }

    /// Labels below the picture, from left to right. One that would stand on the one before is left out.
    pub(crate) fn labels_below(&self, parts: &mut String, labels: impl Iterator<Item = (f64, String)>) {
        let y = self.height - 7.0;
        let mut free = f64::NEG_INFINITY;
        for (x, label) in labels {
            let width = LETTER * label.chars().count() as f64;
            // The last one ends where the picture does.
            let (begin, anchor) =
                if x > self.right() - 14.0 { (x - width, "end") } else { (x - width / 2.0, "middle") };
            if begin < free {
                continue;
            }
            free = begin + width + LETTER;
            let _ = write!(
                parts,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
                escaped(&label)
            );
        }
    }

    /// The times along the bottom.
    pub(crate) fn times(&self, parts: &mut String) {
        let step = time_step(self.longest, self.view.labels);
        let label = |seconds: f64| match seconds {
            0.0 => "0".to_owned(),
            _ if self.longest < 1.0 => figures::milliseconds(seconds * 1000.0),
            _ => figures::seconds(seconds),
        };
        let times =
            (0..).map(|place| f64::from(place) * step).take_while(|time| *time <= self.longest * 1.0001);
        self.labels_below(parts, times.map(|time| (self.x(time), label(time))));
    }

    /// Labels at the right, each as near as can be to where it belongs, and none on another.
    pub(crate) fn labels_at_right(&self, parts: &mut String, mut labels: Vec<(f64, &str, &str)>) {
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut lowest = TOP;
        for label in &mut labels {
            label.0 = label.0.max(lowest);
            lowest = label.0 + LINE;
        }
        let mut highest = self.bottom();
        for label in labels.iter_mut().rev() {
            label.0 = label.0.min(highest);
            highest = label.0 - LINE;
        }
        for (y, class, text) in labels {
            let (dot, text_x) = (self.right() + 9.0, self.right() + 16.0);
            let _ = write!(
                parts,
                "<circle class=\"{class}\" cx=\"{dot}\" cy=\"{y:.1}\" r=\"3.5\"/><text class=\"label\" x=\"{text_x}\" \
                 y=\"{:.1}\">{}</text>",
                y + 4.0,
                escaped(text)
            );
        }
    }
}

/// Steps that a person counts in, at most so many for a span.
fn time_step(longest: f64, most: usize) -> f64 {
    const STEPS: [f64; 27] = [
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0,
        300.0, 600.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0,
    ];
    let fits = |step: &f64| longest / step <= most as f64;
    STEPS.into_iter().find(fits).unwrap_or_else(|| whole_step(longest / 86_400.0, most) * 86_400.0)
}

/// The step 1, 2 or 5 times a power of ten that divides the span into at most so many parts.
pub(crate) fn whole_step(span: f64, most: usize) -> f64 {
    let least = span / most as f64;
    if !(least > 0.0 && least.is_finite()) {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|step| *step >= least * 0.9999)
        .unwrap_or(power * 10.0)
}

/// A number in few characters.
pub(crate) fn compact(number: f64) -> String {
    match number {
        number if number >= 999_500.0 => format!("{}M", figures::number(number / 1e6)),
        number if number >= 9_999.5 => format!("{}k", figures::number(number / 1e3)),
        number => figures::number(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_that_people_count_in() {
        for (longest, most, expected) in
            [(300.0, 9, 60.0), (0.4, 4, 0.1), (86_400.0 * 30.0, 9, 86_400.0 * 5.0), (3000.0, 4, 1800.0)]
        {
            assert_eq!(time_step(longest, most), expected, "{longest}");
        }
        for (span, expected) in [(100.0, 50.0), (1.0, 0.5), (7.0, 2.0), (0.0, 1.0), (f64::INFINITY, 1.0)] {
            assert!((whole_step(span, 4) - expected).abs() < 1e-9, "{span}");
        }
    }

    #[test]
    fn labels_keep_off_one_another() {
        let frame = Frame::new(NARROW, 200.0, 10.0);
        let mut parts = String::new();
        frame.labels_at_right(&mut parts, vec![(170.0, "a", "x"), (172.0, "b", "y"), (171.0, "c", "z")]);
        let places: Vec<f64> = parts
            .match_indices("cy=\"")
            .map(|(at, _)| parts[at + 4..].split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 15.0), "{places:?}");
        assert!(places.iter().all(|place| (0.0..=176.0).contains(place)), "{places:?}");
    }

    #[test]
    fn numbers_are_short() {
        for (number, expected) in
            [(0.0, "0"), (0.5, "0.5"), (9_000.0, "9,000"), (12_000.0, "12k"), (2_500_000.0, "2.5M")]
        {
            assert_eq!(compact(number), expected);
        }
    }
}
