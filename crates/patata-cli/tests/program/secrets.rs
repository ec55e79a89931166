//! No secret of the command line is written down.

use std::fs;
use std::path::Path;

use patata_testserver::Server;

use super::support::{Place, rows_in};

fn all_bytes(folder: &Path) -> Vec<u8> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_bytes(&path) } else { fs::read(path).unwrap() }).collect()
}

#[test]
fn a_plain_secret_is_refused_where_a_folder_is_written() {
    let (place, server) = (Place::new(), Server::start().unwrap());
    place.file("urls", format!("{}/\n", server.url()));
    for (flags, fix) in [
        (&["-H", "Authorization: Bearer hunter2"][..], "-H 'Authorization: Bearer env:TOKEN'"),
        (&["-H", "X-Api-Key: hunter2"], "-H 'X-Api-Key: env:X_API_KEY'"),
        (&["-H", "Proxy-Authorization: hunter2"], "-H 'Proxy-Authorization: env:PROXY_AUTHORIZATION'"),
        (&["-u", "me:hunter2"], "-u 'NAME:env:PASSWORD'"),
        (&["--bearer", "hunter2"], "--bearer env:TOKEN"),
        (&["-b", "session=hunter2"], "-b 'NAME=env:COOKIE'"),
        (&["-x", "http://me:hunter2@proxy:1"], "--proxy 'http://NAME:env:PROXY_PASSWORD@proxy:1'"),
        (&["--param", "api_key=hunter2"], "--param 'api_key=env:API_KEY'"),
        (&["--form", "password=hunter2"], "--form 'password=env:PASSWORD'"),
        (&["-d", "user=me&api_key=hunter2"], "write api_key=env:API_KEY"),
        (&["-d", "{\"me\":{\"client_secret\":\"hunter2\"}}"], "\"client_secret\": \"env:CLIENT_SECRET\""),
        (&["--json", "[{\"token\":\"hunter2\",\"n\":{url}}]"], "\"token\": \"env:TOKEN\""),
        (&["--url", "http://me:hunter2@host/{url}"], "-u 'NAME:env:PASSWORD'"),
        (&["--url", "http://host/{url}?a=1&api_key=hunter2#b"], "--param 'api_key=env:API_KEY'"),
    ] {
        let refused = place.run(&[&["run", "urls", "-o", "run"], flags].concat()).ended(2);
        assert!(
            refused.stderr.contains(fix) && !refused.stderr.contains("hunter2"),
            "{flags:?}: {refused:?}"
        );
        assert!(!place.path("run").exists());
    }
    assert_eq!(server.requests(), 0);
}

/// A parameter is part of the URL, which rows, errors and redirects have.
#[test]
fn no_secret_of_a_query_stands_in_what_is_written() {
    let place = Place::new().with_variable("KEY", "hunter2");
    let server = Server::start().unwrap();
    let url = server.url();
    place.file(
        "urls",
        format!("{url}/\n{url}/redirect-to?url=ftp://host/\nhttp://127.0.0.1:1/\n{url}/status/404\n"),
    );
    let flags = ["--param", "api_key=env:KEY", "--param", "q=a&b"];
    let ran = place.run(&[&["run", "urls", "-i"], &flags[..]].concat()).ended(1);
    assert!(!ran.stdout.contains("hunter2") && !ran.stderr.contains("hunter2"), "{ran:?}");
    let rows = ran.rows();
    assert_eq!(rows[0]["url"], format!("{url}/?api_key=env:KEY&q=a%26b"));
    assert!(
        rows[1]["error"]["message"].as_str().unwrap().contains("&api_key=env:KEY&q=a%26b redirects wrongly")
    );
    place.run(&[&["run", "urls", "-o", "run"], &flags[..]].concat()).ended(1);
    place.run(&["retry", "run"]).ended(1);
    let written = String::from_utf8_lossy(&all_bytes(&place.path("run"))).into_owned();
    assert!(!written.contains("hunter2"));
    assert_eq!(rows_in(&place.path("run"))[0]["body"]["message"], "Hello world!");
    let sent =
        place.run_with(&format!("{url}/echo\n"), &[&["run", "-"], &flags[..]].concat()).ended(0).rows();
    assert_eq!(sent[0]["body"]["query"], "api_key=hunter2&q=a%26b", "the server is told");
    let named = [&["run", "urls", "-o", "stopped", "--abort-on", "404"], &flags[..]].concat();
    assert!(!place.run(&named).ended(3).stderr.contains("hunter2"));
    assert!(!String::from_utf8_lossy(&all_bytes(&place.path("stopped"))).contains("hunter2"));
    let both = place.run(&["run", "urls", "-o", "both", "--param", "k={url}env:KEY"]).ended(2);
    assert!(both.stderr.contains("make two parameters of them"), "{both:?}");
}

#[test]
fn a_variable_in_a_url_is_not_sent_as_its_name() {
    let place = Place::new().with_variable("KEY", "hunter2");
    place.file("urls", "a\n");
    for (url, fix) in [
        ("http://me:env:KEY@host/{url}", "-u 'NAME:env:PASSWORD'"),
        ("http://host/{url}?api_key=env:KEY", "--param 'api_key=env:KEY'"),
    ] {
        for arguments in [&["run", "urls", url][..], &["get", url]] {
            let refused = place.run(arguments).ended(2);
            assert!(refused.stderr.contains(fix), "{refused:?}");
        }
    }
}

/// It is in the manifest and in the lists by its name, and the server is told what it holds.
#[test]
fn a_variable_in_a_body_is_written_down_by_its_name() {
    let place = Place::new().with_variable("SECRET", "hun\"ter 2{x").with_variable("B", "ounter");
    let server = Server::start().unwrap();
    let url = server.url();
    place.file("urls", format!("{url}/echo\n{url}/status/503\n"));
    let json = "{\"a\":{\"token\":\"env:SECRET\"},\"of\":\"{index}\",\"n\":[1,{\"b\":\"c env:B!\"}]}";
    let told = "{\"a\":{\"token\":\"hun\\\"ter 2{x\"},\"of\":\"0\",\"n\":[1,{\"b\":\"c ounter!\"}]}";
    let type_ = ["-H", "Content-Type: text/plain"];
    for (number, (flags, told, kept)) in [
        (vec!["--json", json], told, "\"token\":\"env:SECRET\"},\"of\":\"1\""),
        (vec!["-d", json], told, "\"token\":\"env:SECRET\"},\"of\":\"1\""),
        (
            vec!["-d", "token=env:SECRET&b=env:B"],
            "token=hun%22ter%202%7Bx&b=ounter",
            "token=env:SECRET&b=env:B",
        ),
        (vec!["-d", "token=env:SECRET&of={index}"], "token=hun%22ter%202%7Bx&of=0", "token=env:SECRET&of=1"),
        (vec!["--form", "token=env:SECRET"], "token=hun%22ter+2%7Bx", "token=env%3ASECRET"),
        ([&type_[..], &["-d", "env:SECRET"]].concat(), "hun\"ter 2{x", "\"content\":\"env:SECRET\""),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = format!("run{number}");
        place.run(&[&["run", "urls", "-X", "POST", "-o", &folder], &flags[..]].concat()).ended(1);
        place.run(&["retry", &folder]).ended(1);
        let failed = place.read(&format!("{folder}/failed.jsonl"));
        assert!(failed.contains(kept), "{flags:?}: {failed}");
        let told_of = |row: &serde_json::Value| row["body"]["body"].as_str().map(str::to_owned);
        assert_eq!(told_of(&rows_in(&place.path(&folder))[0]).as_deref(), Some(told), "{flags:?}");
        for (name, bytes) in [("manifest.json", None), ("failed.jsonl", Some(failed))] {
            let text = bytes.unwrap_or_else(|| place.read(&format!("{folder}/{name}")));
            assert!(!text.contains("ter 2") && !text.contains("ter%202"), "{name}: {text}");
        }
        let line = format!("{url}/echo\n");
        let rows = place.run_with(&line, &[&["run", "-", "-X", "POST"], &flags[..]].concat()).ended(0).rows();
        assert_eq!(told_of(&rows[0]).as_deref(), Some(told), "{flags:?}");
        if !flags.iter().any(|flag| flag.contains("{index}")) {
            let one = place.run(&[&["post", &format!("{url}/echo")], &flags[..]].concat()).ended(0).json();
            assert_eq!(one["body"].as_str(), Some(told), "{flags:?}");
        }
    }
    let missing = place.run(&["run", "urls", "--json", "\"env:NONE\""]).ended(2);
    assert!(missing.stderr.contains("a body that has this text goes into a file: -d @FILE"), "{missing:?}");
    place.file("body", "env:NONE");
    let as_it_is = place.run(&["post", &format!("{url}/echo"), "-d", "@body"]).ended(0).json();
    assert_eq!(as_it_is["body"], "env:NONE");
}

/// Such a header is one of each request's own, which failed.jsonl has.
#[test]
fn a_variable_beside_a_field_is_refused_where_it_would_be_written_down() {
    let place = Place::new().with_variable("KEY", "hun{ter}2}");
    let server = Server::start().unwrap();
    place.file("t.csv", "id\n7\n");
    let url = format!("{}/echo", server.url());
    let header = ["run", "t.csv", &url, "-H", "X-Key: env:KEY-{id}"];
    let refused = place.run(&[&header[..], &["-o", "run"]].concat()).ended(2);
    assert!(
        refused.stderr.contains("X-Key") && refused.stderr.contains("make two headers of them"),
        "{refused:?}"
    );
    let row = &place.run(&header).ended(0).rows()[0];
    assert_eq!(row["body"]["headers"]["x-key"], "hun{ter}2}-7");
}

#[test]
fn a_variable_is_written_down_by_its_name_and_read_anew() {
    let place = Place::new().with_variable("TOKEN", "hunter2").with_variable("PASSWORD", "pass{word}");
    let server = Server::start().unwrap();
    let url = format!("{}/status/{{url}}", server.url());
    place.file("codes", "200\n503\n");
    let flags = ["-H", "X-Token: env:TOKEN", "-u", "me:env:PASSWORD", "-o", "run"];
    place.run(&[&["run", "codes", &url], &flags[..]].concat()).ended(1);
    let written = String::from_utf8_lossy(&all_bytes(&place.path("run"))).into_owned();
    assert!(written.contains("X-Token: env:TOKEN") && written.contains("me:env:PASSWORD"));
    assert!(!written.contains("hunter2") && !written.contains("pass{word}"));
    let missing = place.command(&["retry", "run"]).env_remove("TOKEN").output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    let told = String::from_utf8(missing.stderr).unwrap();
    assert!(
        told.starts_with("error: -H: the environment variable TOKEN is not set; set it before"),
        "{told}"
    );
    place.run(&["retry", "run"]).ended(1);
    assert_eq!((server.requests(), rows_in(&place.path("run")).len() >= 2), (3, true));
}
