//! Defaults of the environment and of a file.

use patata_testserver::Server;

use super::support::Place;

#[test]
fn a_flag_goes_before_a_variable_and_this_before_the_file() {
    let server = Server::start().unwrap();
    let url = format!("{}/echo", server.url());
    let agent = |place: &Place, flags: &[&str]| {
        let echo = place.run(&[&["get", &url], flags].concat()).ended(0).json();
        echo["headers"]["user-agent"].as_str().unwrap().to_owned()
    };
    let place = Place::new();
    assert!(agent(&place, &[]).starts_with("patata/"));
    place.file(".config/patata/config.toml", "user_agent = \"of the file\"\ncompress = \"zstd\"\n");
    assert_eq!(agent(&place, &[]), "of the file");
    let place = place.with_variable("PATATA_USER_AGENT", "of a variable");
    assert_eq!(agent(&place, &[]), "of a variable");
    assert_eq!(agent(&place, &["-A", "of a flag"]), "of a flag");
    place.file("own.toml", "header = [\"X-One: 1\", \"X-Two: 2\"]\n");
    let echo = place.run(&["get", &url, "--config", "own.toml"]).ended(0).json();
    assert_eq!((&echo["headers"]["x-one"], &echo["headers"]["x-two"]), (&"1".into(), &"2".into()));
}

#[test]
fn defaults_are_written_down_with_the_run() {
    let server = Server::start().unwrap();
    let place = Place::new().with_variable("PATATA_RETRIES", "3").with_variable("PATATA_BACKOFF", "1ms");
    place.file("urls", format!("{}/flaky/a/2\n", server.url()));
    place.run(&["run", "urls", "-o", "run"]).ended(0);
    assert!(place.read("run/manifest.json").contains("--retries=3"));
}

#[test]
fn a_wrong_default_is_told_with_its_place() {
    let place = Place::new();
    place.file(".config/patata/config.toml", "concurency = 5\n");
    let wrong = place.run(&["get", "http://127.0.0.1:1/"]).ended(2);
    let expected =
        "config.toml: there is no option \"concurency\" that a file may set; did you mean concurrency?\n";
    assert!(wrong.stderr.ends_with(expected), "{wrong:?}");
    let wrong =
        Place::new().with_variable("PATATA_TIMEOUT", "soon").run(&["get", "http://127.0.0.1:1/"]).ended(2);
    assert!(wrong.stderr.starts_with("error: PATATA_TIMEOUT: invalid value 'soon'"), "{wrong:?}");
}
