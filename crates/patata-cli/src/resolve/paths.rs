//! Arguments as they are written down: another process may go on from another folder.

use std::path::{Path, absolute};

/// Options that are paths.
const PATHS: [&str; 5] = ["--cache=", "--cacert=", "--cert=", "--key=", "--unix-socket="];
/// Options that may name a file with an `@`.
const BODIES: [&str; 3] = ["--data=@", "--json=@", "--schema=@"];

/// Normalised arguments in which all paths are absolute; `url` is the last argument, if that is a URL.
pub(crate) fn stored(normalised: &[String], has_url: bool) -> Vec<String> {
    let files = normalised.iter().position(|argument| argument == "--").map_or(normalised.len(), |at| at + 1);
    let end = normalised.len() - usize::from(has_url);
    let one = |(at, argument): (usize, &String)| match at {
        _ if at >= files && at < end && argument != "-" => absolute_path(argument),
        _ if at < files => option(argument),
        _ => argument.clone(),
    };
    normalised.iter().enumerate().map(one).collect()
}

fn option(argument: &str) -> String {
    let after = |prefixes: &[&'static str]| {
        prefixes.iter().find_map(|prefix| Some((*prefix, argument.strip_prefix(prefix)?)))
    };
    // A cache without a folder is the user's.
    if let Some((prefix, path)) = after(&PATHS).filter(|(_, path)| !path.is_empty()) {
        return format!("{prefix}{}", absolute_path(path));
    }
    if let Some((prefix, path)) = after(&BODIES).filter(|(_, path)| *path != "-") {
        return format!("{prefix}{}", absolute_path(path));
    }
    match argument.strip_prefix("--save-to=") {
        // The folder is no part of the template.
        Some(template) if Path::new(template).is_relative() => match std::env::current_dir() {
            Ok(folder) => {
                let folder = folder.to_string_lossy().replace('{', "{{").replace('}', "}}");
                format!("--save-to={folder}/{template}")
            }
            Err(_) => argument.to_owned(),
        },
        _ => argument.to_owned(),
    }
}

fn absolute_path(path: &str) -> String {
    absolute(path).map_or_else(|_| path.to_owned(), |path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_down_from_the_root() {
        let here = std::env::current_dir().unwrap().display().to_string();
        let given =
            ["--cacert=a.pem", "--data=@b", "--data=c", "--save-to=d/{id}", "--rate=1/s", "--", "e.csv", "-"];
        let given: Vec<_> =
            given.into_iter().map(str::to_owned).chain(["http://host/{id}".to_owned()]).collect();
        let expected = [
            format!("--cacert={here}/a.pem"),
            format!("--data=@{here}/b"),
            "--data=c".to_owned(),
            format!("--save-to={here}/d/{{id}}"),
            "--rate=1/s".to_owned(),
            "--".to_owned(),
            format!("{here}/e.csv"),
            "-".to_owned(),
            "http://host/{id}".to_owned(),
        ];
        assert_eq!(stored(&given, true), expected);
    }
}
