//! Which picture is drawn, and with what: decided once, from values that were read elsewhere.

use std::str::FromStr;

/// What `--progress` was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Progress {
    /// Five lines in a terminal, plain lines elsewhere.
    #[default]
    Auto,
    Bar,
    Plain,
    Json,
    None,
}

impl FromStr for Progress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "auto" => Self::Auto,
            "bar" => Self::Bar,
            "plain" => Self::Plain,
            "json" => Self::Json,
            "none" => Self::None,
            _ => return Err(format!("progress must be auto, bar, plain, json or none, got {text:?}")),
        })
    }
}

/// What the environment says of the terminal. Empty variables count as unset ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `NO_COLOR`.
    pub(crate) no_color: Option<String>,
    /// `CLICOLOR_FORCE`.
    pub(crate) clicolor_force: Option<String>,
    /// `TERM`.
    pub(crate) term: Option<String>,
    /// The first that is set of `LC_ALL`, `LC_CTYPE` and `LANG`.
    pub(crate) locale: Option<String>,
    /// Whether stderr is a terminal.
    pub(crate) is_terminal: bool,
    /// Whether it is told as events of JSON what happens.
    pub(crate) logs_json: bool,
    /// Whether rows of the run go to a terminal as well: they would tear lines that are drawn in place.
    pub(crate) has_rows: bool,
}

impl Environment {
    fn is_dumb(&self) -> bool {
        self.term.as_deref() == Some("dumb")
    }
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Five lines that are drawn again in place.
    Bar,
    /// A line each ten seconds.
    Plain,
    /// A line of JSON each second.
    Json,
    /// An event of JSON each ten seconds.
    Log,
    /// Nothing.
    None,
}

impl Mode {
    /// A terminal that can move no cursor has plain lines, even where the five lines were asked for.
    pub(crate) fn resolve(progress: Progress, is_quiet: bool, environment: &Environment) -> Self {
        match progress {
            Progress::Json => Self::Json,
            Progress::None => Self::None,
            _ if is_quiet => Self::None,
            _ if environment.logs_json => Self::Log,
            Progress::Bar if !environment.is_dumb() => Self::Bar,
            Progress::Auto if environment.is_terminal && !environment.is_dumb() && !environment.has_rows => {
                Self::Bar
            }
            Progress::Auto | Progress::Bar | Progress::Plain => Self::Plain,
        }
    }
}

/// With what it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether with colours.
    pub(crate) colour: bool,
    /// Whether with characters beyond ASCII.
    pub(crate) unicode: bool,
}

impl Style {
    /// `NO_COLOR` outweighs `CLICOLOR_FORCE`, which outweighs what the terminal is.
    pub(crate) fn resolve(environment: &Environment) -> Self {
        let is_set = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
        let is_forced =
            is_set(&environment.clicolor_force) && environment.clicolor_force.as_deref() != Some("0");
        let can = environment.is_terminal && !environment.is_dumb();
        let locale = environment.locale.as_deref().unwrap_or_default().to_ascii_lowercase();
        Self {
            colour: !is_set(&environment.no_color) && (is_forced || can),
            // Containers often set no locale at all, before terminals that show everything.
            unicode: !environment.is_dumb()
                && (locale.is_empty() || locale.contains("utf-8") || locale.contains("utf8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(term: &str) -> Environment {
        Environment { term: Some(term.to_owned()), is_terminal: true, ..Environment::default() }
    }

    #[test]
    fn what_is_drawn_depends_on_the_option_and_the_terminal() {
        for (progress, is_quiet, environment, expected) in [
            ("auto", false, terminal("xterm"), Mode::Bar),
            ("auto", false, terminal("dumb"), Mode::Plain),
            ("auto", false, Environment::default(), Mode::Plain),
            ("auto", false, Environment { has_rows: true, ..terminal("xterm") }, Mode::Plain),
            ("auto", true, terminal("xterm"), Mode::None),
            ("bar", false, Environment::default(), Mode::Bar),
            ("bar", false, terminal("dumb"), Mode::Plain),
            ("plain", false, terminal("xterm"), Mode::Plain),
            ("json", true, terminal("xterm"), Mode::Json),
            ("auto", false, Environment { logs_json: true, ..terminal("xterm") }, Mode::Log),
            ("auto", true, Environment { logs_json: true, ..terminal("xterm") }, Mode::None),
            ("none", false, terminal("xterm"), Mode::None),
        ] {
            let mode = Mode::resolve(progress.parse().unwrap(), is_quiet, &environment);
            assert_eq!(mode, expected, "{progress} {is_quiet} {environment:?}");
        }
        let refused = "fast".parse::<Progress>().unwrap_err();
        assert_eq!(refused, "progress must be auto, bar, plain, json or none, got \"fast\"");
    }

    #[test]
    fn colours_are_for_terminals_unless_the_user_says_otherwise() {
        let with = |no_color: &str, force: &str, environment: Environment| Environment {
            no_color: Some(no_color.to_owned()),
            clicolor_force: Some(force.to_owned()),
            ..environment
        };
        for (environment, expected) in [
            (terminal("xterm"), true),
            (terminal("dumb"), false),
            (Environment::default(), false),
            (with("1", "", terminal("xterm")), false),
            (with("", "0", terminal("xterm")), true),
            (with("", "1", Environment::default()), true),
            (with("", "0", Environment::default()), false),
            (with("1", "1", Environment::default()), false),
        ] {
            assert_eq!(Style::resolve(&environment).colour, expected, "{environment:?}");
        }
    }

    #[test]
    fn a_locale_without_unicode_has_ascii() {
        for (locale, expected) in [
            (None, true),
            (Some("en_US.UTF-8"), true),
            (Some("C.utf8"), true),
            (Some("C"), false),
            (Some("POSIX"), false),
        ] {
            let environment = Environment { locale: locale.map(str::to_owned), ..terminal("xterm") };
            assert_eq!(Style::resolve(&environment).unicode, expected, "{locale:?}");
        }
    }
}
