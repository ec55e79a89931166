//! Limits told by a header for each figure: GitHub's, OpenAI's, Anthropic's and their kin.

use std::time::Duration;

use smallvec::SmallVec;

use crate::response::headers::Headers;
use crate::schedule::told::when::Clock;
use crate::schedule::told::{MOST_LIMITS, Refill, Told, Unit};

const HOUR: Duration = Duration::from_secs(3600);
/// In which time Shopify's buckets leak all of what they hold, whatever their size.
const SHOPIFY_LEAKS_IN: f64 = 20.0;
/// A larger figure is a mistake.
const MOST_FIGURE: f64 = 1e15;

/// What a name begins with, and the family that it is of. What is left of it says which figure it is.
const PREFIXES: &[(&str, Family)] = &[
    ("x-ratelimit-", Family::XRateLimit),
    ("x-rate-limit-", Family::XRateLimit),
    ("ratelimit-", Family::Ietf),
    ("anthropic-ratelimit-", Family::Anthropic),
    ("zendesk-ratelimit-", Family::Zendesk),
    ("x-ms-ratelimit-remaining-", Family::Azure),
];
const SHOPIFY: &str = "x-shopify-shop-api-call-limit";
/// Zendesk's limit, and the fields of the newer drafts.
const WHOLE: [&str; 4] = ["x-rate-limit", "ratelimit", "ratelimit-policy", SHOPIFY];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Of GitHub, X, Okta, Discord; with a unit at the end OpenAI's.
    XRateLimit,
    /// The drafts up to -06, GitLab, Zendesk.
    Ietf,
    /// With the unit in front.
    Anthropic,
    /// For single endpoints, all figures in one header.
    Zendesk,
    /// Azure Resource Manager: what remains, and nothing else.
    Azure,
}

/// Which figure a header holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Limit,
    Remaining,
    Used,
    Reset,
    /// Goes before the other, which is a moment by the server's clock.
    ResetAfter,
    /// By what it is called.
    Name,
}

/// What is known of a limit so far.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'h> {
    family: Family,
    /// What the names of its headers say; empty for requests.
    key: &'h str,
    /// What a header of its own says.
    name: Option<&'h str>,
    is_of_github: bool,
    limit: Option<f64>,
    remaining: Option<f64>,
    used: Option<f64>,
    reset: Option<Duration>,
    reset_after: Option<Duration>,
    refill: Refill,
}

/// Whether a header tells of a limit.
pub(crate) fn is_telling(name: &str) -> bool {
    PREFIXES.iter().any(|(prefix, _)| name.starts_with(prefix)) || WHOLE.contains(&name)
}

/// All limits of these families.
pub(crate) fn drafts<'h>(headers: &'h Headers, clock: &Clock) -> SmallVec<[Draft<'h>; 6]> {
    let mut drafts: SmallVec<[Draft<'h>; 6]> = SmallVec::new();
    for (name, value) in headers.iter() {
        let Ok(value) = std::str::from_utf8(value) else { continue };
        let value = value.trim();
        if drafts.len() >= MOST_LIMITS {
            break;
        }
        match name {
            SHOPIFY => drafts.extend(of_shopify(value)),
            "x-rate-limit" => draft_of(&mut drafts, Family::XRateLimit, "").limit = figure(value),
            "ratelimit-policy" => {}
            _ => {
                let found = PREFIXES.iter().find_map(|(prefix, of)| Some((name.strip_prefix(prefix)?, of)));
                let Some((rest, family)) = found else { continue };
                match family {
                    Family::Zendesk => drafts.extend(of_zendesk(rest, value, clock)),
                    Family::Azure => of_azure(rest, value, &mut drafts),
                    _ => note(&mut drafts, *family, rest, value, clock),
                }
            }
        }
    }
    drafts
}

/// Notes one figure.
fn note<'h>(
    drafts: &mut SmallVec<[Draft<'h>; 6]>,
    family: Family,
    rest: &'h str,
    value: &'h str,
    clock: &Clock,
) {
    let Some((which, key)) = taken_apart(rest) else { return };
    let draft = draft_of(drafts, family, key);
    match which {
        // The drafts up to -06 let policies follow: `100, 100;w=60`.
        Figure::Limit => draft.limit = figure(value.split([',', ';']).next().unwrap_or_default()),
        Figure::Remaining => draft.remaining = figure(value),
        Figure::Used => draft.used = figure(value),
        Figure::Reset => draft.reset = clock.until(value).or(draft.reset),
        Figure::ResetAfter => draft.reset_after = clock.until(value),
        Figure::Name => {
            draft.is_of_github = rest == "resource";
            draft.name = Some(value).filter(|name| !name.is_empty() && name.len() <= 100);
        }
    }
}

/// Which figure what is left of a name stands for, and of which limit.
fn taken_apart(rest: &str) -> Option<(Figure, &str)> {
    let whole = match rest {
        "reset-after" => Figure::ResetAfter,
        "resettime" => Figure::Reset,
        "resource" | "bucket" | "name" => Figure::Name,
        "used" | "observed" => Figure::Used,
        _ => {
            let figure = |word| match word {
                "limit" => Some(Figure::Limit),
                "remaining" => Some(Figure::Remaining),
                "reset" => Some(Figure::Reset),
                _ => None,
            };
            let (first, after) = rest.split_once('-').unwrap_or((rest, ""));
            let (before, last) = rest.rsplit_once('-').unwrap_or(("", rest));
            let in_front = figure(first).map(|figure| (figure, after));
            return in_front.or_else(|| Some((figure(last)?, before)));
        }
    };
    Some((whole, ""))
}

fn draft_of<'d, 'h>(
    drafts: &'d mut SmallVec<[Draft<'h>; 6]>,
    family: Family,
    key: &'h str,
) -> &'d mut Draft<'h> {
    let known = drafts.iter().position(|draft| draft.family == family && draft.key == key);
    let place = known.unwrap_or_else(|| {
        drafts.push(Draft::new(family, key));
        drafts.len() - 1
    });
    &mut drafts[place]
}

/// A number of something: neither negative nor beyond all measure.
pub(crate) fn figure(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    (0.0..=MOST_FIGURE).contains(&number).then_some(number)
}

/// `32/40`: so much of a leaking bucket is full.
fn of_shopify(value: &str) -> Option<Draft<'static>> {
    let (used, size) = value.split_once('/')?;
    let (used, size) = (figure(used)?, figure(size).filter(|size| *size >= 1.0)?);
    let reset = Duration::from_secs_f64(SHOPIFY_LEAKS_IN * (used / size).min(1.0));
    Some(Draft {
        limit: Some(size),
        remaining: Some((size - used).max(0.0)),
        reset: Some(reset),
        refill: Refill::Steady,
        ..Draft::new(Family::XRateLimit, "")
    })
}

/// `total=100; remaining=99; resets=41`.
fn of_zendesk<'h>(key: &'h str, value: &str, clock: &Clock) -> Option<Draft<'h>> {
    let mut draft = Draft::new(Family::Zendesk, key);
    for (word, value) in value.split(';').filter_map(|pair| pair.split_once('=')) {
        match word.trim() {
            "total" => draft.limit = figure(value),
            "remaining" => draft.remaining = figure(value),
            "resets" => draft.reset = clock.until(value),
            _ => {}
        }
    }
    draft.remaining.is_some().then_some(draft)
}

/// A number, or `Microsoft.Compute/HighCostGet3Min;159,Microsoft.Compute/HighCostGet30Min;1253`.
fn of_azure<'h>(key: &'h str, value: &'h str, drafts: &mut SmallVec<[Draft<'h>; 6]>) {
    let one = |key, value| Draft { remaining: figure(value), ..Draft::new(Family::Azure, key) };
    if figure(value).is_some() {
        drafts.push(one(key, value));
        return;
    }
    let pairs = value.split(',').filter_map(|pair| pair.trim().split_once(';'));
    let room = MOST_LIMITS.saturating_sub(drafts.len());
    drafts.extend(pairs.map(|(key, value)| one(key, value)).take(room));
}

impl<'h> Draft<'h> {
    fn new(family: Family, key: &'h str) -> Self {
        let refill = match (family, window(key)) {
            (Family::Anthropic, _) => Refill::Steady,
            (Family::XRateLimit, None) if !key.is_empty() => Refill::Steady,
            _ => Refill::AtOnce,
        };
        Self {
            family,
            key,
            name: None,
            is_of_github: false,
            limit: None,
            remaining: None,
            used: None,
            reset: None,
            reset_after: None,
            refill,
        }
    }

    /// What it comes to; `None` where it says nothing of what remains.
    pub(crate) fn told(self) -> Option<Told> {
        let used_of = || Some((self.limit? - self.used?).max(0.0));
        let remaining = self.remaining.or_else(used_of)?;
        let is_of_requests = |key: &str| key.is_empty() || key.contains("request") || window(key).is_some();
        let counts_requests =
            is_of_requests(self.key) || matches!(self.family, Family::Zendesk | Family::Azure);
        let name = self.name.or(Some(self.key).filter(|key| !key.is_empty())).unwrap_or("requests");
        Some(Told {
            name: name.into(),
            unit: if counts_requests { Unit::Requests } else { Unit::Other },
            limit: self.limit.filter(|limit| *limit >= remaining),
            remaining: Some(remaining),
            reset: self.reset_after.or(self.reset),
            window: window(self.key).or(self.is_of_github.then_some(HOUR).filter(|_| name != "search")),
            refill: self.refill,
            hides_others: self.is_of_github,
        })
    }
}

/// Some servers call a limit by its window.
fn window(key: &str) -> Option<Duration> {
    let seconds = match key {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}
