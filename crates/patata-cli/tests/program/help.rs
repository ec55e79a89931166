//! Help, as a user reads it.

use super::support::Place;

const COMMANDS: [&str; 18] = [
    "run",
    "resume",
    "retry",
    "status",
    "report",
    "show",
    "set",
    "pause",
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "head",
    "serve",
    "budget",
    "completions",
    "man",
];

#[test]
fn help_is_short() {
    let place = Place::new();
    let mut all = place.run(&["--help"]).ended(0).stdout;
    assert_eq!(place.run(&["-h"]).ended(0).stdout, all);
    assert_eq!(place.run(&["help"]).ended(0).stdout, all);
    for command in ["serve", "status"] {
        all.push_str(&format!(
            "\n$ patata budget {command} --help\n{}",
            place.run(&["budget", command, "--help"]).ended(0).stdout
        ));
    }
    for command in COMMANDS {
        let help = place.run(&[command, "--help"]).ended(0).stdout;
        assert!(help.lines().count() <= 45, "{command} fills more than a screen");
        all.push_str(&format!("\n$ patata {command} --help\n{help}"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn all_of_the_help_is_there_if_wanted() {
    let place = Place::new();
    let run = place.run(&["run", "--help", "all"]).ended(0).stdout;
    assert_eq!(place.run(&["help", "run", "all"]).ended(0).stdout, run);
    for option in ["--retry-non-idempotent", "--tls-min", "--part-rows", "Exit codes:", "Secrets:"] {
        assert!(run.contains(option), "{option}");
    }
    insta::assert_snapshot!("run_whole", run);
    insta::assert_snapshot!("get_whole", place.run(&["get", "--help", "all"]).ended(0).stdout);
}

#[test]
fn without_a_command_there_is_help() {
    let ran = Place::new().run(&[]).ended(2);
    assert!(ran.stderr.contains("Usage: patata <COMMAND>"), "{ran:?}");
}

#[test]
fn the_version_is_told() {
    let place = Place::new();
    let version = format!("patata {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(place.run(&["--version"]).ended(0).stdout, version);
    assert_eq!(place.run(&["-V"]).ended(0).stdout, version);
}
