//! Defaults of options: variables, and a file. Flags go before variables, these before the file.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use clap::{Arg, ArgAction, Command};

use crate::environment::Environment;
use crate::exit::Failure;
use crate::similar::nearest;

/// Options that belong to one run, and have no defaults elsewhere.
const OF_ONE_RUN: [&str; 17] = [
    "rows",
    "url",
    "output",
    "config",
    "data",
    "json",
    "form",
    "method",
    "save_to",
    "id",
    "input_format",
    "dry_run",
    "probe",
    "probe_method",
    "canary",
    "help",
    "version",
];

/// Options that say nothing where there is no run folder.
const OF_FOLDERS: [&str; 6] = ["format", "compress", "columns", "schema", "part_rows", "unknown"];

/// A default of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preset {
    /// The option, by clap's id.
    pub(crate) id: String,
    /// Who says so.
    pub(crate) origin: String,
    /// As it would stand on the command line.
    pub(crate) arguments: Vec<String>,
}

/// The defaults of a command's options, those that go first first.
///
/// # Errors
/// A file that was named and is not there, one that is no TOML, keys that there are not, and values of another kind.
pub(crate) fn presets(
    command: &Command,
    environment: &Environment,
    named: Option<&Path>,
) -> Result<Vec<Preset>, Failure> {
    let mut presets = of_environment(command, environment)?;
    let standard = environment.config_file();
    if let Some(path) = named.or(standard.as_deref()) {
        match std::fs::read_to_string(path) {
            Ok(text) => presets.extend(of_file(command, path, &text)?),
            Err(cause) if named.is_none() && cause.kind() == std::io::ErrorKind::NotFound => {}
            Err(cause) => {
                return Err(Failure::usage(format!("--config: {} cannot be read: {cause}", path.display())));
            }
        }
    }
    Ok(presets)
}

/// Whether an option says anything in a command that is given these.
pub(crate) fn applies(preset: &Preset, has_folder: bool) -> bool {
    has_folder || !OF_FOLDERS.contains(&preset.id.as_str())
}

fn has_presets(argument: &&Arg) -> bool {
    !argument.is_positional() && !OF_ONE_RUN.contains(&argument.get_id().as_str())
}

fn of_environment(command: &Command, environment: &Environment) -> Result<Vec<Preset>, Failure> {
    let mut presets = Vec::new();
    for argument in command.get_arguments().filter(has_presets) {
        let Some(long) = argument.get_long() else { continue };
        let name = format!("PATATA_{}", long.to_ascii_uppercase().replace('-', "_"));
        let Some(value) = environment.get(&name) else { continue };
        let value =
            value.to_str().ok_or_else(|| Failure::usage(format!("{name} is no UTF-8; set it anew")))?;
        presets.push(preset(argument, name, vec![value.to_owned()])?);
    }
    Ok(presets)
}

fn of_file(command: &Command, path: &Path, text: &str) -> Result<Vec<Preset>, Failure> {
    let wrong = |message: &dyn Display| Failure::usage(format!("{}: {message}", path.display()));
    let table: BTreeMap<String, toml::Value> = toml::from_str(text).map_err(|error| wrong(&error))?;
    let mut presets = Vec::new();
    for (key, value) in table {
        let origin = format!("{}: {key}", path.display());
        let Some(argument) =
            command.get_arguments().filter(has_presets).find(|argument| is_named(argument, &key))
        else {
            // Another command may have it.
            if known_names().iter().any(|name| *name == key.replace('_', "-")) {
                continue;
            }
            let known = known_names();
            let meant = nearest(&key.replace('_', "-"), known.iter().map(String::as_str));
            let hint = meant.map_or_else(
                || "`patata run --help all` names those that there are".to_owned(),
                |name| format!("did you mean {}?", name.replace('-', "_")),
            );
            return Err(wrong(&format_args!("there is no option {key:?} that a file may set; {hint}")));
        };
        let values = match value {
            toml::Value::Array(values) => values.into_iter().map(scalar).collect(),
            value => scalar(value).map(|value| vec![value]),
        };
        let values = values.ok_or_else(|| {
            wrong(&format_args!("{key} is neither a text, a number, true or false, nor a list of them"))
        })?;
        presets.push(preset(argument, origin, values)?);
    }
    Ok(presets)
}

/// All options that a file may set, by whichever command they are of.
fn known_names() -> Vec<String> {
    let program = crate::args::program();
    let commands = ["run", "get"].iter().filter_map(|name| program.find_subcommand(name));
    let arguments = commands.flat_map(Command::get_arguments).filter(has_presets);
    arguments.flat_map(names).map(str::to_owned).collect()
}

/// Its long name, and those that it has elsewhere.
fn names(argument: &Arg) -> impl Iterator<Item = &str> {
    argument.get_long().into_iter().chain(argument.get_all_aliases().unwrap_or_default())
}

fn is_named(argument: &Arg, key: &str) -> bool {
    let name = key.replace('_', "-");
    names(argument).any(|known| known == name)
}

fn scalar(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(is_set) => Some(is_set.to_string()),
        _ => None,
    }
}

fn preset(argument: &Arg, origin: String, values: Vec<String>) -> Result<Preset, Failure> {
    let id = argument.get_id().to_string();
    let long = argument.get_long().unwrap_or_default();
    let is_switch = matches!(argument.get_action(), ArgAction::SetTrue);
    let is_list = matches!(argument.get_action(), ArgAction::Append);
    let arguments = match &values[..] {
        [value] if is_switch => match value.as_str() {
            "1" | "true" | "yes" | "on" => vec![format!("--{long}")],
            "0" | "false" | "no" | "off" => Vec::new(),
            _ => return Err(Failure::usage(format!("{origin} must be true or false, got {value:?}"))),
        },
        [_] => values.iter().map(|value| format!("--{long}={value}")).collect(),
        _ if is_list => values.iter().map(|value| format!("--{long}={value}")).collect(),
        _ => return Err(Failure::usage(format!("{origin} must be one value, got {}", values.len()))),
    };
    Ok(Preset { id, origin, arguments })
}
