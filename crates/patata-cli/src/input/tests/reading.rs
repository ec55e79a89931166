//! Bytes that are rows.

use super::super::{Input, InputFormat, InputOptions, Source};
use super::{Files, rows};

#[test]
fn lines_are_rows_but_for_empty_ones_and_remarks() {
    for (content, expected) in [
        ("", vec![]),
        ("\n\n", vec![]),
        ("http://a/\nhttp://b/\n", vec!["1 url=\"http://a/\"", "2 url=\"http://b/\""]),
        ("http://a/\nhttp://b/", vec!["1 url=\"http://a/\"", "2 url=\"http://b/\""]),
        ("\u{feff}http://a/\r\n\r\nhttp://b/\r\n", vec!["1 url=\"http://a/\"", "3 url=\"http://b/\""]),
        ("# all\n  # of them\n\n http://a/#b \n", vec!["4 url=\"http://a/#b\""]),
        ("http://ü/\n", vec!["1 url=\"http://ü/\""]),
        ("http://a/\0\n", vec!["1 url=\"http://a/\\0\""]),
    ] {
        assert_eq!(rows("urls.txt", content.as_bytes()), expected, "{content:?}");
    }
}

#[test]
fn json_is_read_as_it_is_written() {
    for (content, expected) in [
        ("", vec![]),
        ("{}", vec!["1 "]),
        (
            "{\"a\":1.50,\"b\":\"x\\u00e9\"}\r\n\n {\"a\":[1, 2]} \n",
            vec!["1 a=1.50 b=\"x\\u00e9\"", "3 a=[1, 2]"],
        ),
        ("\u{feff}{\"a\":null}", vec!["1 a=null"]),
        ("{\"a\":123456789012345678901234567890}", vec!["1 a=123456789012345678901234567890"]),
    ] {
        assert_eq!(rows("requests.jsonl", content.as_bytes()), expected, "{content:?}");
    }
}

#[test]
fn tables_are_read_as_rfc_4180_says() {
    for (content, expected) in [
        ("", vec![]),
        ("\n\n", vec![]),
        ("a,b", vec![]),
        ("a,b\n1,2\n", vec!["2 a=\"1\" b=\"2\""]),
        ("a,b\r\n1,2\r\n3,4", vec!["2 a=\"1\" b=\"2\"", "3 a=\"3\" b=\"4\""]),
        ("\u{feff}a,b\n1,2", vec!["2 a=\"1\" b=\"2\""]),
        ("\u{feff}\"a\",b\n1,2", vec!["2 a=\"1\" b=\"2\""]),
        ("a,b\n\"1\n\n,\"\"x\"\"\",2\n3,4\n", vec!["2 a=\"1\\n\\n,\\\"x\\\"\" b=\"2\"", "5 a=\"3\" b=\"4\""]),
        ("a,b\r\n\"1\r\n2\",3\r\n\r\n4,5\r\n", vec!["2 a=\"1\\r\\n2\" b=\"3\"", "5 a=\"4\" b=\"5\""]),
        ("a\n1\n\n\n2", vec!["2 a=\"1\"", "5 a=\"2\""]),
        ("a,b\n,\n\"\",\"\"", vec!["2 a=\"\" b=\"\"", "3 a=\"\" b=\"\""]),
        ("\n\na,b\n1,5\" disk\n", vec!["4 a=\"1\" b=\"5\\\" disk\""]),
        ("a,b\n1,\"2\"", vec!["2 a=\"1\" b=\"2\""]),
        ("a,b\n1,", vec!["2 a=\"1\" b=\"\""]),
        ("größe,,\nü,1,2\n", vec!["2 größe=\"ü\""]),
        ("a\tb\n1\t2\n", vec!["2 a\tb=\"1\\t2\""]),
    ] {
        assert_eq!(rows("data.csv", content.as_bytes()), expected, "{content:?}");
    }
    assert_eq!(rows("data.tsv", b"a\tb\n1,2\t\"3\t4\"\n"), ["2 a=\"1,2\" b=\"3\\t4\""]);
}

#[test]
fn rows_of_ten_megabytes_are_read() {
    let long = "x".repeat(10 << 20);
    let line = rows("urls.txt", format!("http://a/{long}\nhttp://b/").as_bytes());
    assert_eq!((line[0].len() - long.len(), &*line[1]), (17, "2 url=\"http://b/\""));
    let json = rows("rows.jsonl", format!("{{\"a\":\"{long}\"}}\n{{\"a\":1}}").as_bytes());
    assert_eq!((json[0].len() - long.len(), &*json[1]), (6, "2 a=1"));
    let table = rows("rows.csv", format!("a,b\n1,\"{long}\"\n3,4").as_bytes());
    assert_eq!((table[0].len() - long.len(), &*table[1]), (12, "3 a=\"3\" b=\"4\""));
}

#[test]
fn files_are_one_input_and_each_ends_its_last_row() {
    let files = Files::new(&[
        ("a.csv", b"id,name\n1,x"),
        ("empty.csv", b""),
        ("b.csv", b"name,id\ny,2\n"),
        ("c.csv", b"id,name\n3,z"),
    ]);
    let (rows, ended) = files.rows(InputOptions::default());
    ended.unwrap();
    assert_eq!(rows, ["2 id=\"1\" name=\"x\"", "2 name=\"y\" id=\"2\"", "2 id=\"3\" name=\"z\""]);
}

#[test]
fn a_row_knows_its_file() {
    let files = Files::new(&[("a.txt", b"http://a/"), ("b.txt", b"\nhttp://b/")]);
    let mut input = files.open(InputOptions::default()).unwrap();
    let mut places = Vec::new();
    while let Some(row) = input.next_row().unwrap() {
        places.push((row.file().rsplit('/').next().unwrap().to_owned(), row.line(), row.index()));
    }
    assert_eq!(places, [("a.txt".to_owned(), 1, 0), ("b.txt".to_owned(), 2, 1)]);
}

#[test]
fn the_format_is_what_is_said_then_what_the_name_says_then_what_it_looks_like() {
    let format = |name: &str, content: &[u8], format| {
        let files = Files::new(&[(name, content)]);
        let mut input = files.open(InputOptions { format, ..Default::default() }).unwrap();
        input.prepare().unwrap();
        (input.format().unwrap(), input.columns().to_vec())
    };
    let columns = vec!["id".to_owned(), "url".to_owned()];
    assert_eq!(format("a.csv", b"id,url", None), (InputFormat::Csv, columns.clone()));
    assert_eq!(format("a", b"id\turl", None), (InputFormat::Tsv, columns.clone()));
    assert_eq!(format("a.txt", b"id,url", Some(InputFormat::Csv)), (InputFormat::Csv, columns));
    assert_eq!(format("a.txt", b"id,url", None), (InputFormat::Lines, vec![]));
    assert_eq!(format("a", b"\xef\xbb\xbf{\"a\":1}", None), (InputFormat::Jsonl, vec![]));
}

#[test]
fn rows_that_are_skipped_are_counted_and_not_looked_into() {
    for (name, content) in [
        ("a.txt", &b"http://a/\n\n#\n\xff\nhttp://c/\n"[..]),
        ("a.jsonl", b"{\"url\":1}\n\xff\n\n{\"url\":\"c\"}\n"),
        ("a.csv", b"url\na\n\xff\n\nc\n"),
    ] {
        let files = Files::new(&[(name, content)]);
        let mut input = files.open(InputOptions::default()).unwrap();
        assert!(input.skip_row().unwrap() && input.skip_row().unwrap());
        assert_eq!(input.index(), 2);
        let row = input.next_row().unwrap().unwrap();
        assert_eq!((row.index(), row.fault()), (2, None));
        assert!(row.line() >= 4);
        assert!(!input.skip_row().unwrap() && input.next_row().unwrap().is_none());
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_as_its_rows_come() {
    use std::io::Write;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let (told, seen) = std::sync::mpsc::channel();
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut pipe = std::fs::File::options().write(true).open(path).unwrap();
            for name in ["a", "b", "c"] {
                writeln!(pipe, "http://{name}/").unwrap();
                // The next one is written once this one has been read.
                seen.recv().unwrap();
            }
        }
    });
    let mut input = Input::open(vec![Source::new(&path)], InputOptions::default()).unwrap();
    let mut count = 0;
    while input.next_row().unwrap().is_some() {
        count += 1;
        told.send(()).unwrap();
    }
    writer.join().unwrap();
    assert_eq!(count, 3);
}

#[test]
fn an_input_may_be_read_on_another_thread() {
    fn may_be_sent<T: Send>(_: &T) {}

    let files = Files::new(&[("a.txt", b"http://a/\n")]);
    let mut input = files.open(InputOptions::default()).unwrap();
    may_be_sent(&input);
    let row = std::thread::spawn(move || input.next_row().unwrap().cloned()).join().unwrap();
    assert_eq!(row.unwrap().line(), 1);
}
