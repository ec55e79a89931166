//! From the arguments of the process to those of a command, with the defaults that the environment and a file give.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, FromArgMatches, Parser};

use super::{Arguments, help};
use crate::config::{self, Preset};
use crate::environment::Environment;
use crate::exit::Failure;

/// Options that are for this process, and are not written down for the next.
const OF_THIS_PROCESS: [&str; 9] =
    ["output", "config", "progress", "quiet", "dry_run", "metrics", "otlp", "trace_sample", "log"];

/// What was said.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) arguments: Arguments,
    /// The command's arguments in their long form, defaults among them, by which another process goes on.
    pub(crate) normalised: Vec<String>,
}

/// Why it cannot be understood.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Clap says it; it may also be the help that was asked for.
    Usage(Box<clap::Error>),
    Failure(Failure),
}

impl From<clap::Error> for Refused {
    fn from(error: clap::Error) -> Self {
        Self::Usage(Box::new(error))
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Reads the arguments, the program's name first.
///
/// # Errors
/// What is wrong with them; help and version are among it.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Parsed, Refused> {
    let arguments = help::rewritten(arguments.into_iter().collect());
    let mut program = super::program();
    if help::is_short(&arguments) {
        program = help::compact(program);
    }
    let mut matches = program.clone().try_get_matches_from(&arguments)?;
    if let Some(all) = with_presets(&program, &matches, arguments, environment)? {
        matches = program.clone().try_get_matches_from(all)?;
    }
    let normalised = match matches.subcommand() {
        Some((name, of_command)) => normalised(&built(&program, name), of_command),
        None => Vec::new(),
    };
    Ok(Parsed { arguments: Arguments::from_arg_matches(&matches)?, normalised })
}

/// Reads the arguments of a run, its command first, as another process has written them down.
///
/// # Errors
/// As of [`parse`]. The defaults of the environment do not count.
pub(crate) fn parse_again(stored: &[String]) -> Result<Arguments, Refused> {
    let all = std::iter::once("patata").map(OsString::from).chain(stored.iter().map(OsString::from));
    Ok(Arguments::try_parse_from(all)?)
}

/// A command with all that clap adds to it.
fn built(program: &Command, name: &str) -> Command {
    let mut command = program.find_subcommand(name).cloned().unwrap_or_default();
    command.build();
    command
}

/// The arguments with the defaults before them, or nothing where there are none.
fn with_presets(
    program: &Command,
    matches: &ArgMatches,
    arguments: Vec<OsString>,
    environment: &Environment,
) -> Result<Option<Vec<OsString>>, Refused> {
    let Some((name, of_command)) = matches.subcommand() else { return Ok(None) };
    if of_command.try_get_one::<PathBuf>("config").is_err() {
        return Ok(None);
    }
    let command = built(program, name);
    let named = of_command.get_one::<PathBuf>("config").map(PathBuf::as_path);
    let presets = config::presets(&command, environment, named)?;
    let has_folder = is_given(of_command, "output");
    let mut taken: Vec<&Preset> = Vec::new();
    for preset in &presets {
        let is_taken = |id: &str| is_given(of_command, id) || taken.iter().any(|taken| taken.id == id);
        let has_rival = rivals(&command, &preset.id).iter().any(|rival| is_taken(rival));
        if config::applies(preset, has_folder) && !is_taken(&preset.id) && !has_rival {
            check(program, name, preset)?;
            taken.push(preset);
        }
    }
    if taken.is_empty() {
        return Ok(None);
    }
    let mut all = arguments;
    // Behind the names of program and command, and before all that was said, which so has the last word.
    all.splice(2..2, taken.iter().flat_map(|preset| preset.arguments.iter().map(OsString::from)));
    Ok(Some(all))
}

fn is_given(matches: &ArgMatches, id: &str) -> bool {
    let has_it = matches.try_contains_id(id).unwrap_or(false);
    has_it && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// What cannot stand beside an option.
fn rivals(command: &Command, id: &str) -> Vec<String> {
    let Some(argument) = command.get_arguments().find(|argument| argument.get_id() == id) else {
        return Vec::new();
    };
    command.get_arg_conflicts_with(argument).iter().map(|rival| rival.get_id().to_string()).collect()
}

/// Tries a default alone, so that what is wrong with it is told of who says so.
fn check(program: &Command, name: &str, preset: &Preset) -> Result<(), Failure> {
    let alone = ["patata", name].into_iter().chain(preset.arguments.iter().map(String::as_str)).chain(["x"]);
    let Err(error) = program.clone().try_get_matches_from(alone) else { return Ok(()) };
    if error.kind() == clap::error::ErrorKind::MissingRequiredArgument {
        return Ok(());
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    Err(Failure::usage(format!("{}: {}", preset.origin, line.trim_start_matches("error: "))))
}

/// The arguments of a command in their long form.
fn normalised(command: &Command, matches: &ArgMatches) -> Vec<String> {
    let mut options = Vec::new();
    let mut places = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        if OF_THIS_PROCESS.contains(&id) || !is_given(matches, id) {
            continue;
        }
        let raw = matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy());
        match (argument.get_long(), argument.get_action()) {
            (None, _) => places.extend(raw.map(String::from)),
            (Some(long), ArgAction::SetTrue) => options.push(format!("--{long}")),
            (Some(long), _) => options.extend(raw.map(|value| format!("--{long}={value}"))),
        }
    }
    if !places.is_empty() {
        options.push("--".to_owned());
    }
    options.extend(places);
    options
}

#[cfg(test)]
mod tests {
    use super::super::Command as Chosen;
    use super::super::commands::RunArgs;
    use super::super::values::Concurrency;
    use super::*;

    fn run(text: &str, environment: &[(&str, &str)]) -> Result<(Box<RunArgs>, Vec<String>), String> {
        let arguments = text.split(' ').map(OsString::from);
        let parsed = parse(arguments, &Environment::of(environment)).map_err(|refused| match refused {
            Refused::Usage(error) => error.to_string(),
            Refused::Failure(failure) => failure.message,
        })?;
        let Chosen::Run(run) = parsed.arguments.command else { panic!() };
        Ok((run, parsed.normalised))
    }

    #[test]
    fn flags_go_before_variables_and_these_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("patata");
        std::fs::create_dir(&config).unwrap();
        let text = "concurrency = 5\nrate = [\"10/s\", \"100/min\"]\nretries = 4\ninsecure = true\nok_statuses = \"2xx\"\n";
        std::fs::write(config.join("config.toml"), text).unwrap();
        let home = ("XDG_CONFIG_HOME", folder.path().to_str().unwrap());
        let (of_file, _) = run("patata run a", &[home]).unwrap();
        assert_eq!(of_file.limits.concurrency, Some(Concurrency::Count(5)));
        assert_eq!(of_file.limits.rate, ["10/s", "100/min"]);
        assert!(of_file.connections.insecure && of_file.failures.ok.is_some());
        let variables =
            [home, ("PATATA_CONCURRENCY", "6"), ("PATATA_RATE", "20/s"), ("PATATA_INSECURE", "false")];
        let (of_variables, _) = run("patata run a", &variables).unwrap();
        assert_eq!(of_variables.limits.concurrency, Some(Concurrency::Count(6)));
        assert_eq!(of_variables.limits.rate, ["20/s"]);
        assert!(!of_variables.connections.insecure);
        let (of_flags, normalised) = run("patata run a -c 7 --rate 30/s --retry 1", &variables).unwrap();
        assert_eq!(of_flags.limits.concurrency, Some(Concurrency::Count(7)));
        assert_eq!(of_flags.limits.rate, ["30/s"]);
        assert_eq!((of_flags.retries.retry, of_flags.retries.retries), (Some(1), None));
        assert_eq!(normalised, ["--concurrency=7", "--rate=30/s", "--ok=2xx", "--retry=1", "--", "a"]);
    }

    #[test]
    fn a_default_that_cannot_be_used_is_named_with_who_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let with = |text: &str| {
            std::fs::write(&path, text).unwrap();
            run(&format!("patata run a --config {}", path.display()), &[]).unwrap_err()
        };
        assert!(with("concurency = 5").ends_with("did you mean concurrency?"));
        assert!(with("output = \"run\"").contains("no option \"output\" that a file may set"));
        assert!(with("concurrency = 0").contains("own.toml: concurrency: invalid value '0'"));
        assert!(with("retries = [1, 2]").ends_with("retries must be one value, got 2"));
        assert!(with("insecure = 3").ends_with("insecure must be true or false, got \"3\""));
        assert!(with("a b").contains("own.toml: TOML parse error"));
        assert!(
            run("patata run a --config no.toml", &[])
                .unwrap_err()
                .contains("--config: no.toml cannot be read")
        );
        let variable = run("patata run a", &[("PATATA_TIMEOUT", "soon")]).unwrap_err();
        assert!(variable.starts_with("PATATA_TIMEOUT: invalid value 'soon'"), "{variable}");
    }

    #[test]
    fn a_default_for_folders_says_nothing_without_one() {
        let variables = [("PATATA_COMPRESS", "zstd")];
        assert!(run("patata run a", &variables).unwrap().0.output.compress.is_none());
        assert!(run("patata run a -o b", &variables).unwrap().0.output.compress.is_some());
    }

    #[test]
    fn normalised_arguments_say_the_same() {
        let text = "patata run a.csv -o run -X PUT -H Accept:x -Hb:env:C -d 1 -d - -c auto -k --columns id,status \
                    --quiet --ordered -m 5 http://host/{id}";
        let (first, normalised) = run(text, &[]).unwrap();
        let stored: Vec<_> = std::iter::once("run".to_owned()).chain(normalised.clone()).collect();
        let again = parse_again(&stored).unwrap();
        let Chosen::Run(mut again) = again.command else { panic!() };
        // These are for one process only.
        again.output.output = first.output.output.clone();
        again.drawing.quiet = true;
        assert_eq!(format!("{first:?}"), format!("{again:?}"));
        assert!(!normalised.iter().any(|argument| argument.contains("quiet")));
    }
}
