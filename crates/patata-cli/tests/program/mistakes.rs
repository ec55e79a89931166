//! What is wrong is named, with the way to mend it.

use std::process::Stdio;

use patata_testserver::Server;

use super::support::{Place, ended};

#[test]
fn wrong_usage_is_told_with_the_fix() {
    let place = Place::new();
    place.file("urls", "http://127.0.0.1:1/\n");
    place.file("t.csv", "id,name\n1,a\n");
    let mut told = String::new();
    for arguments in [
        &["rnu", "urls"][..],
        &["run"],
        &["run", "urls", "--concurency", "5"],
        &["run", "urls", "-c", "0"],
        &["run", "urls", "--retries", "0"],
        &["run", "urls", "--workers=0"],
        &["run", "urls", "--rate", "fast"],
        &["run", "urls", "--timeout", "soon"],
        &["run", "urls", "--timeout", "0"],
        &["run", "urls", "--ok", "2yy"],
        &["run", "urls", "--max-failures", "200%"],
        &["run", "urls", "--retry-budget", "2"],
        &["run", "urls", "--resolve", "host"],
        &["run", "urls", "-H", "no colon"],
        &["run", "urls", "-H", "a b: c"],
        &["run", "urls", "-u", "me"],
        &["run", "urls", "-b", "file"],
        &["run", "urls", "--max-response-size", "big"],
        &["run", "urls", "--http", "3"],
        &["run", "urls", "-o", "run", "--format", "orc"],
        &["run", "urls", "-o", "run", "--schema", "name=string"],
        &["run", "urls", "-o", "run", "--format", "parquet", "--schema", "name"],
        &["run", "urls", "-o", "run", "--format", "parquet", "--schema", "name=strin"],
        &[
            "run",
            "urls",
            "-o",
            "run",
            "--format",
            "parquet",
            "--schema",
            "name=string",
            "--columns",
            "id,body.nam",
        ],
        &["run", "urls", "-o", "run", "--format", "parquet", "--columns", "headers"],
        &["run", "urls", "--compress", "zstd"],
        &["run", "urls", "-o", "run", "--format", "csv", "--columns", "id,staus"],
        &["run", "urls", "-o", "run", "--format", "csv", "--columns", "id,"],
        &["run", "urls", "-o", "run", "--columns", "id"],
        &["run", "urls", "--json", "{"],
        &["run", "urls", "--json", "1", "-d", "2"],
        &["run", "urls", "-d", "@none"],
        &["run", "urls", "-d", "@a", "-d", "b"],
        &["run", "urls", "--probe", "5"],
        &["run", "urls", "--save-to", "../{name}"],
        &["run", "none.txt"],
        &["run", "."],
        &["run", "http://host/"],
        &["run", "t.csv", "http://host/{nmae}"],
        &["run", "t.csv", "http://host/{id"],
        &["run", "t.csv", "http://host/{id/x?name={name}"],
        &["run", "t.csv", "http://host/", "-H", "X-Id: {id"],
        &["run", "t.csv", "http://host/", "--param", "id={id"],
        &["run", "t.csv", "http://host/", "--form", "id={id"],
        &["run", "t.csv", "http://host/", "-d", "id={id&name={name}"],
        &["run", "t.csv", "http://host/", "-d", "{\"a\": {\"b\": \"{id\"}}"],
        &["run", "t.csv", "http://host/", "--json", "{\"a\": \"{id\"}"],
        &["run", "t.csv", "http://host/", "--save-to", "{id"],
        &["run", "t.csv"],
        &["get"],
        &["get", "http://h ost/"],
        &["set", "run"],
        &["budget"],
        &["budget", "serve"],
        &["budget", "serve", "--rate", "fast"],
        &["budget", "serve", "--budget", "tokens"],
        &["budget", "serve", "--budget", "tok ens=1/s"],
        &["budget", "serve", "--rate", "1/s", "--secret", "hush"],
        &["budget", "serve", "--rate", "1/s", "--secret", "env:NOT_SET"],
        &["budget", "serve", "--rate", "1/s", "--listen", "localhost"],
        &["budget", "serve", "--rate", "1/s", "--listen", "127.0.0.1:0", "--unix", "a"],
        &["budget", "status", "127.0.0.1:1"],
        &["budget", "status", "budget://127.0.0.1/?secret=hush"],
        &["completions", "tcsh"],
        &["serve", "--address", "localhost"],
    ] {
        let ran = place.run(arguments).ended(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        told.push_str(&format!("$ patata {}\n{}\n", arguments.join(" "), ran.stderr));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_command_that_is_printed_can_be_pasted() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{}/status/404\n", server.url()));
    for (folder, printed) in [
        ("a b", "patata retry 'a b'"),
        ("it's", "patata retry 'it'\\''s'"),
        ("$HOME", "patata retry '$HOME'"),
        ("-dash", "patata retry ./-dash"),
    ] {
        let ran = place.run(&["run", "urls", &format!("--output={folder}")]).ended(1);
        assert_eq!(ran.last_line(), printed);
        let script = format!("set -e; patata() {{ \"$PROGRAM\" \"$@\"; }}; {printed}");
        let program = place.command(&[]);
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", &script]).current_dir(place.path("")).env("PROGRAM", program.get_program());
        let pasted = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert_eq!(ended(pasted).ended(1).last_line(), printed);
    }
}

/// Nor does it matter that nobody can be told anything.
#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_written_is_told_by_the_exit_code() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{}/\n", server.url()));
    place.run(&["run", "urls", "-o", "run"]).ended(0);
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [
        &["run", "urls"][..],
        &["run", "urls", "--dry-run"],
        &["get", server.url()],
        &["status", "run"],
        &["show", "run", "0"],
        &["serve", "--address", "127.0.0.1:0"],
        &["completions", "bash"],
        &["--help"],
        &["run", "--help", "all"],
    ] {
        let ran = ended(place.command(arguments).stdout(full()).spawn().unwrap()).ended(5);
        assert!(ran.stderr.contains("error: writing to stdout failed: "), "{arguments:?}: {ran:?}");
    }
    let mut untold = place.command(&["run", "urls", "-o", "other"]);
    assert_eq!(untold.stderr(full()).status().unwrap().code(), Some(0));
}
