//! Help: examples, and which of its two lengths is shown.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

pub(crate) const PROGRAM_EXAMPLES: &str = "\
Examples:
  patata run urls.txt                            rows of JSON on stdout
  patata run urls.txt -o run/                    into a folder, which survives whatever ends it
  patata resume run/                             go on where it ended
  patata get https://api.example/users/1         one request, as with curl

Help on a command: patata run --help (short), patata run --help all (whole)";

pub(crate) const RUN_EXAMPLES: &str = "\
Examples:
  patata run urls.txt -o run/ --retry 3 --rate 100/s
  patata run users.csv 'https://api.example/users/{id}?since={since}' -o run/ --id id
  patata run users.csv https://api.example/users -d '{\"name\":\"{name}\"}' -u me:env:PASSWORD
  patata run images.txt --save-to 'images/{index}.jpg' -o run/
  cat urls.txt | patata run - | jq .status

All options: patata run --help all";

pub(crate) const RUN_EXAMPLES_AND_EXIT: &str = "\
Examples:
  patata run urls.txt -o run/ --retry 3 --rate 100/s
  patata run users.csv 'https://api.example/users/{id}?since={since}' -o run/ --id id
  patata run users.csv https://api.example/users -d '{\"name\":\"{name}\"}' -u me:env:PASSWORD
  patata run images.txt --save-to 'images/{index}.jpg' -o run/
  patata run lists.txt --pages cursor:meta.next:after --items data -o run/
  cat urls.txt | patata run - | jq .status

Secrets:
  env:NAME within -H, -u, --bearer, -b, -x, --param, -d, --json and --form stands for that environment
  variable; what is in a file, as -d @FILE, is sent as it is.
  Where a run folder is written, secrets must be given so, as the folder holds the command.

Defaults:
  ~/.config/patata/config.toml has them by the names of the options, as concurrency = 50.
  Variables as PATATA_CONCURRENCY go before the file, and the command line before both.

Exit codes:
    0  all ok                                 4  unknown outcomes are left
    1  some requests failed                   5  this machine could not read or write
    2  wrong usage                           11  the folder is in use by another process
    3  too many failures, or the deadline   130, 143  interrupted; a second Ctrl-C ends at once
  What to do about each: https://oalfonso-o.github.io/patata/errors/exit-codes.html";

pub(crate) const RESUME_EXAMPLES: &str = "\
Examples:
  patata resume run/
  patata resume run/ --unknown resend --rate 10/s";

pub(crate) const RETRY_EXAMPLES: &str = "\
Examples:
  patata retry run/
  patata retry run/ --status 429,5xx --rate 10/s
  patata retry run/ --kind timeout";

pub(crate) const STATUS_EXAMPLES: &str = "\
Examples:
  patata status run/
  patata status run/ --json | jq .done
  patata status run/ --watch";

pub(crate) const SET_EXAMPLES: &str = "\
Examples:
  patata set run/ --rate 50/s --concurrency 20
  patata set run/ --rate none";

pub(crate) const GET_EXAMPLES: &str = "\
Examples:
  patata get https://api.example/users/1 | jq .name
  patata get https://api.example/users/1 -i -H 'Accept: text/csv'
  patata get https://api.example/archive.zip -o archive.zip --retry 3
  patata get https://api.example/users --pages header-link --items auto | jq .name

All options: patata get --help all";

pub(crate) const POST_EXAMPLES: &str = "\
Examples:
  patata post https://api.example/users --json '{\"name\":\"Ann\"}'
  patata post https://api.example/users -d name=Ann -u me:env:PASSWORD
  patata post https://api.example/upload -d @photo.jpg -H 'Content-Type: image/jpeg'

All options: patata post --help all";

pub(crate) const SERVE_EXAMPLES: &str = "\
Examples:
  patata serve --address 127.0.0.1:8080
  patata get http://127.0.0.1:8080/delay/100     /echo /status/503 /flaky/KEY/2 /bytes/1000 /redirect/3";

pub(crate) const BUDGET_EXAMPLES: &str = "\
Examples:
  patata budget serve --rate 100/s --budget tokens=90000/min --concurrency 50
  patata budget status \"$(head -1 handle)\"

The handle is the first line that serve prints. It has the secret in it.";

pub(crate) const BUDGET_SERVE_EXAMPLES: &str = "\
Examples:
  patata budget serve --rate 100/s > handle &
  patata budget serve --rate 100/s --unix /run/user/1000/crm.sock
  patata budget serve --rate 100/s --listen 10.0.0.5:7077 --secret env:CRM_SECRET --state crm.budget";

pub(crate) const BUDGET_STATUS_EXAMPLES: &str = "\
Examples:
  patata budget status \"$(head -1 handle)\" --watch
  patata budget status unix:///run/user/1000/crm.sock --json | jq .units
  patata budget status 'redis://127.0.0.1/0?name=crm'";

pub(crate) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  patata completions bash > ~/.local/share/bash-completion/completions/patata
  patata completions zsh > ~/.zfunc/_patata
  patata completions fish > ~/.config/fish/completions/patata.fish
  patata completions powershell >> $PROFILE";

/// The program, with a flag for help in each command that says how to get all of it.
pub(crate) fn with_help(program: Command) -> Command {
    let flag = || {
        let flag = Arg::new("help").short('h').long("help").action(ArgAction::Help);
        flag.help("Print help; all of it: --help all")
    };
    each(program, &|command| command.disable_help_flag(true).arg(flag()))
}

/// The program as its short help shows it: one list of options without what there is to say of their values.
pub(crate) fn compact(program: Command) -> Command {
    let compact = |argument: Arg| {
        let has_values = argument.get_action().takes_values();
        argument.help_heading(None::<&str>).hide_possible_values(has_values)
    };
    each(program, &|command| command.mut_args(compact))
}

/// Changes each command, and each below it.
fn each(program: Command, change: &impl Fn(Command) -> Command) -> Command {
    program.mut_subcommands(|command| each(change(command), change))
}

/// Whether that is what is asked for, of rewritten arguments.
pub(crate) fn is_short(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "-h")
}

/// The arguments with what clap knows in the place of our `--help`: clap's `-h` is short and its `--help` long, while
/// ours is short unless `all` is said.
pub(crate) fn rewritten(mut arguments: Vec<OsString>) -> Vec<OsString> {
    // `patata help run` is `patata run --help`.
    if arguments.get(1).is_some_and(|first| first == "help") {
        arguments.remove(1);
        let end = arguments.len();
        let at = if end > 1 && arguments[end - 1] == "all" { end - 1 } else { end };
        arguments.insert(at, "--help".into());
    }
    let options = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let is_help = |argument: &OsString| argument == "--help" || argument == "-h";
    let Some(at) = arguments[..options].iter().position(is_help) else { return arguments };
    let is_whole = arguments.get(at + 1).is_some_and(|next| next == "all");
    if is_whole {
        arguments.remove(at + 1);
    }
    arguments[at] = if is_whole { "--help" } else { "-h" }.into();
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_short_unless_all_is_said() {
        for (given, expected) in [
            ("patata run --help", "patata run -h"),
            ("patata run -h", "patata run -h"),
            ("patata run --help all", "patata run --help"),
            ("patata run -h all", "patata run --help"),
            ("patata help", "patata -h"),
            ("patata help all", "patata --help"),
            ("patata help run", "patata run -h"),
            ("patata help run all", "patata run --help"),
            ("patata run -- --help all", "patata run -- --help all"),
            ("patata run all", "patata run all"),
            ("patata", "patata"),
        ] {
            let given = given.split(' ').map(OsString::from).collect();
            assert_eq!(rewritten(given).join(" ".as_ref()), expected);
        }
    }
}
