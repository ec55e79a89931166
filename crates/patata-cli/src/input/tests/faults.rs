//! Bytes that are no rows: those of one row are its own fault, those of a file end the reading.

use super::super::{FieldPath, Input, InputError, InputFormat, InputOptions, Source};
use super::{Files, error, rows};

#[test]
fn a_bad_row_is_named_and_the_next_one_is_read() {
    for (name, content, fault, next) in [
        ("a.txt", &b"http://\xff/\nhttp://b/"[..], "! a.txt:1:8: is no UTF-8 here", "2 url=\"http://b/\""),
        ("a.txt", "ü\nü\u{e9}".as_bytes(), "1 url=\"ü\"", "2 url=\"üé\""),
        (
            "a.jsonl",
            b"{\"a\":}\n{\"a\":1}",
            "! a.jsonl:1:6: is no JSON object on one line: expected value",
            "2 a=1",
        ),
        ("a.jsonl", b"{\"a\":1} x\n{}", "! a.jsonl:1:9: is no JSON object on one line: trailing", "2 "),
        ("a.jsonl", b"7\n{}", "! a.jsonl:1:1: is no JSON object on one line: invalid type", "2 "),
        ("a.jsonl", b"{\"a\":\"\xc3\"}\n{}", "! a.jsonl:1:7: is no UTF-8 here", "2 "),
        (
            "a.csv",
            b"a,b\n1\n2,3",
            "! a.csv:2: has 1 column, where the header has 2 columns",
            "3 a=\"2\" b=\"3\"",
        ),
        (
            "a.csv",
            b"a,b\n1,2,3\n2,3",
            "! a.csv:2: has 3 columns, where the header has 2 columns",
            "3 a=\"2\" b=\"3\"",
        ),
        ("a.csv", b"a,b\n\"1\n\xc3\xbc\xff\",2\n2,3", "! a.csv:3:2: is no UTF-8 here", "4 a=\"2\" b=\"3\""),
        // Either half of a letter alone, which would be one if the fields were put together.
        ("a.csv", b"a,b\n\xc3,\xbc\n2,3", "! a.csv:2:1: is no UTF-8 here", "3 a=\"2\" b=\"3\""),
    ] {
        let found = rows(name, content);
        assert!(found[0].starts_with(fault), "{:?} is not {fault:?}", found[0]);
        assert_eq!(found[1..], [next], "{fault}");
    }
}

#[test]
fn a_file_that_cannot_be_read_ends_the_reading_and_the_fix_is_told() {
    for (name, content, expected) in [
        (
            "a.csv",
            &b"a,b\n1,2\n\"3,4\n5,6\n"[..],
            "a.csv:3: the row that begins here has a quote that is never closed",
        ),
        ("a.csv", b"a,\"b\n1,2", "a.csv:1: the row that begins here has a quote that is never closed"),
        ("a.csv", b"a,b,a\n1,2,3", "a.csv:1: the header names \"a\" twice, as columns 1 and 3; rename"),
        ("a.csv", b"a,\xff\n1,2", "a.csv:1: the header is no UTF-8 (line 1, column 3); convert it: iconv"),
        ("a.txt", b"\xff\xfeh\0t\0", "a.txt: is in UTF-16; convert it: iconv -f UTF-16 -t UTF-8"),
        ("a.txt", b"h\0t\0t\0p\0", "a.txt: is in UTF-16; convert it"),
        ("a.txt", b"\xfe\xff\0h", "a.txt: is in UTF-16"),
        (
            "a.json",
            b"[{\"url\":1},\n",
            "a.json: is one JSON array, and JSONL has an object on each line; convert it: jq -c '.[]'",
        ),
        ("a.json", b"{\n  \"url\": 1\n}", "a.json: is JSON over several lines"),
        ("a.json", b"{ \"url\": 1,\n \"b\": 1\n}", "a.json: is JSON over several lines"),
        ("a.bz2", b"BZh91AY", "a.bz2: is a bzip2 archive, which is not read here; unpack it: bzip2 -dc"),
        ("a.parquet", b"PAR1....", "a.parquet: it is no whole file of Parquet"),
    ] {
        let found = error(name, content);
        assert!(found.starts_with(expected), "{found:?} is not {expected:?}");
    }
}

#[test]
fn nothing_is_read_behind_an_error() {
    let files = Files::new(&[("a.csv", b"a\n1\n\"2")]);
    let mut input = files.open(InputOptions::default()).unwrap();
    assert!(input.next_row().unwrap().is_some());
    let error = input.next_row().unwrap_err();
    assert_eq!((error.line(), error.is_io()), (Some(3), false));
    assert!(error.file().unwrap().ends_with("a.csv"));
    assert!(input.next_row().unwrap().is_none());
}

#[test]
fn what_cannot_be_opened_is_told_before_anything_is_read() {
    let files = Files::new(&[("a.csv", b"a"), ("b.jsonl", b"{}"), ("c", b"x")]);
    let open = |sources: Vec<Source>| Input::open(sources, InputOptions::default()).unwrap_err();
    let folder = files.paths[0].parent().unwrap();
    assert!(
        open(vec![Source::new("no/such.csv")])
            .to_string()
            .starts_with("no/such.csv: cannot be opened: No such")
    );
    assert!(open(vec![Source::new(folder)]).to_string().contains("it is a folder; name the files in it"));
    assert!(matches!(open(vec![Source::new(folder)]), InputError::Open { .. }));
    assert!(open(vec![]).to_string().contains("no input is named"));
    assert!(open(vec![Source::new("-"), Source::new("-")]).to_string().contains("named twice"));
    let differ = open(files.sources()).to_string();
    assert!(
        differ.contains("b.jsonl: is named as jsonl, and") && differ.contains("a.csv as csv"),
        "{differ}"
    );
    let said = InputOptions { format: Some(InputFormat::Lines), ..Default::default() };
    assert!(files.open(said).is_ok(), "what is said decides");
}

#[test]
fn a_field_that_no_column_has_is_told_with_those_there_are() {
    let missing = |name: &str, content: &str, field: &str| {
        let files = Files::new(&[(name, content.as_bytes())]);
        let options = InputOptions { required: vec![FieldPath::new(field)], ..Default::default() };
        let ended = files.open(options).and_then(|mut input| input.next_row().map(|_| ()));
        ended.err().map(|error| error.to_string())
    };
    for (name, content, field, expected) in [
        (
            "a.csv",
            "id,name\n1,x",
            "nmae",
            "has no column \"nmae\", only \"id\", \"name\" and {index}; did you mean {name}?",
        ),
        (
            "a.csv",
            "id,name\n1,x",
            "ID",
            "has no column \"ID\", only \"id\", \"name\" and {index}; did you mean {id}?",
        ),
        ("a.csv", "id,name\n1,x", "zip", "and {index}; for braces that are to stay, write {{zip}}"),
        ("a.csv", "id;name\n1;x", "zip", "its columns seem to be parted by \";\""),
        ("a.csv", "id,name\n1,x", "url", "give a URL in which the columns stand"),
        (
            "a.txt",
            "http://a/",
            "id",
            "is read as lines of URLs, which have no field \"id\", only {url} and {index}",
        ),
    ] {
        let found = missing(name, content, field).unwrap();
        assert!(found.contains(expected), "{found:?} has no {expected:?}");
    }
    for (name, content, field) in [
        ("a.csv", "id,name\n1,x", "name"),
        ("a.csv", "id,name\n1,x", "index"),
        ("a.csv", "user.id\n1", "user.id"),
        ("a.txt", "http://a/", "url"),
        ("a.jsonl", "{}", "any"),
    ] {
        assert_eq!(missing(name, content, field), None, "{field} of {content:?}");
    }
}
