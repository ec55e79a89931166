//! Completions and the manual page, which the wheel brings along.

use std::fs;
use std::path::Path;

use super::support::Place;

/// Where each stands in the repository, as Python packages put such files.
const FILES: [(&str, &[&str]); 5] = [
    ("bash-completion/completions/patata", &["completions", "bash"]),
    ("zsh/site-functions/_patata", &["completions", "zsh"]),
    ("fish/vendor_completions.d/patata.fish", &["completions", "fish"]),
    ("powershell/completions/patata.ps1", &["completions", "powershell"]),
    ("man/man1/patata.1", &["man"]),
];

/// `PATATA_WRITE_DATA=1 cargo test -p patata-cli` writes them anew.
#[test]
fn the_files_in_the_repository_are_what_the_program_prints() {
    let share = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/data/share");
    for (name, arguments) in FILES {
        let printed = Place::new().run(arguments).ended(0).stdout;
        let path = share.join(name);
        if std::env::var_os("PATATA_WRITE_DATA").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &printed).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == printed,
            "{} is old: run PATATA_WRITE_DATA=1 cargo test -p patata-cli",
            path.display()
        );
    }
}

#[test]
fn each_shell_completes_commands_and_options() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = place.run(&["completions", shell]).ended(0).stdout;
        for word in ["resume", "max-failures", "completions"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn the_manual_has_every_command() {
    let page = Place::new().run(&["man"]).ended(0).stdout;
    for part in [".TH", "PATATA RUN", "PATATA RESUME", "PATATA SERVE", "max\\-failures"] {
        assert!(page.contains(part), "{part}");
    }
}
