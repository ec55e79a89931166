//! What holds for all bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{FieldPath, Input, InputFormat, InputOptions, Template, TemplateParts, Value};
use super::Files;

fn format() -> impl Strategy<Value = InputFormat> {
    proptest::sample::select(InputFormat::ALL.to_vec())
}

/// Bytes in which what has a meaning is frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let telling = proptest::sample::select(
        &b"\"\"\"\n\n\r,,\t{}[]:#\\ ab1\0\xef\xbb\xbf\xff\xc3\xbc\x1f\x8b\x28\xb5\x2f\xfd"[..],
    );
    vec(prop_oneof![4 => telling, 1 => any::<u8>()], 0..200)
}

fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-c\"\\\\\r\n,\tü {}0]{0,12}").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_the_reading_panic(files in vec(bytes(), 1..3), format in proptest::option::of(format())) {
        let named: Vec<_> = files.iter().enumerate().map(|(at, bytes)| (at.to_string(), bytes)).collect();
        let named: Vec<_> = named.iter().map(|(name, bytes)| (&**name, &***bytes)).collect();
        let files = Files::new(&named);
        let parts = TemplateParts {
            url: Some("{url}/{a}?b={b}".into()),
            save_to: Some("d/{a}".into()),
            ..Default::default()
        };
        let template = Template::new(&parts).unwrap();
        let mut input = Input::open(files.sources(), InputOptions { format, ..Default::default() }).unwrap();
        let mut count = 0;
        while let Ok(Some(row)) = input.next_row() {
            prop_assert_eq!(row.index(), count);
            count += 1;
            let _ = template.request(row, template.id(row));
        }
        prop_assert_eq!(input.index(), count);
        // Rows that are skipped are the same rows, whatever is in them.
        let mut skipping = Input::open(files.sources(), InputOptions { format, ..Default::default() }).unwrap();
        while let Ok(true) = skipping.skip_row() {}
        prop_assert_eq!(skipping.index(), count);
    }

    #[test]
    fn a_table_is_read_as_it_was_written(
        rows in vec(vec(text(), 2..=2), 1..20),
        separator in proptest::sample::select(vec![b',', b'\t']),
        crlf in any::<bool>(),
        end in any::<bool>(),
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().delimiter(separator).terminator(terminator).from_writer(Vec::new());
        writer.write_record(["one", "two"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let mut content = writer.into_inner().unwrap();
        if !end {
            content.truncate(content.len() - if crlf { 2 } else { 1 });
        }
        let files = Files::new(&[(if separator == b',' { "a.csv" } else { "a.tsv" }, &content)]);
        let mut input = files.open(InputOptions::default()).unwrap();
        let mut line = 2;
        for row in &rows {
            let found = input.next_row().unwrap().unwrap();
            prop_assert_eq!(found.fault(), None);
            prop_assert_eq!(found.line(), line);
            line += 1 + row.iter().map(|field| field.matches('\n').count() as u64).sum::<u64>();
            for (name, value) in ["one", "two"].iter().zip(row) {
                prop_assert_eq!(found.field(&FieldPath::new(*name)), Some(Value::Text(value)));
            }
        }
        prop_assert!(input.next_row().unwrap().is_none());
    }

    #[test]
    fn json_is_read_as_it_was_written(rows in vec((text(), text(), any::<f64>()), 1..20)) {
        let mut content = Vec::new();
        for (name, text, number) in &rows {
            let row = serde_json::json!({"text": text, "within": {"list": [number, name]}, "name": name});
            serde_json::to_writer(&mut content, &row).unwrap();
            content.push(b'\n');
        }
        let files = Files::new(&[("a.jsonl", &content)]);
        let mut input = files.open(InputOptions::default()).unwrap();
        for (name, text, number) in &rows {
            let row = input.next_row().unwrap().unwrap();
            prop_assert_eq!(row.fault(), None);
            let value = |path| row.field(&FieldPath::new(path)).unwrap().text().unwrap();
            prop_assert_eq!(value("text"), &**text);
            prop_assert_eq!(value("within.list.1"), &**name);
            prop_assert_eq!(value("within.list.0"), serde_json::to_string(number).unwrap());
        }
    }

    #[test]
    fn a_json_body_is_json_whatever_the_texts(texts in vec(text(), 1..5)) {
        let parts = TemplateParts {
            headers: vec![],
            body: Some(super::super::BodyParts::Json(r#"{"a": "x{a}y", "b": [{index}]}"#.into())),
            ..Default::default()
        };
        let template = Template::new(&parts).unwrap();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "url"]).unwrap();
        for text in &texts {
            writer.write_record([text, "http://h/"]).unwrap();
        }
        let files = Files::new(&[("a.csv", &writer.into_inner().unwrap())]);
        let mut input = files.open(InputOptions::default()).unwrap();
        for (index, text) in texts.iter().enumerate() {
            let row = input.next_row().unwrap().unwrap();
            let body = template.body_text(row).unwrap().unwrap();
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(body, serde_json::json!({"a": format!("x{text}y"), "b": [index]}));
        }
    }

    #[test]
    fn an_input_that_has_grown_is_known_again_and_one_that_has_changed_is_not(
        lines in vec(text(), 1..20),
        cut in any::<prop::sample::Index>(),
        changed in any::<prop::sample::Index>(),
    ) {
        let content = lines.join("\n").into_bytes();
        prop_assume!(!content.is_empty());
        let read = |content: &[u8], earlier: &[patata_run::InputBlock]| {
            let files = Files::new(&[("a", content)]);
            let options = InputOptions {
                format: Some(InputFormat::Lines),
                earlier: earlier.to_vec(),
                ..Default::default()
            };
            let (rows, ended) = files.rows(options.clone());
            ended?;
            let mut input = files.open(options)?;
            while input.skip_row()? {}
            Ok::<_, super::super::InputError>((rows, input.take_blocks()))
        };
        let cut = cut.index(content.len()) + 1;
        let (_, earlier) = read(&content[..cut], &[]).unwrap();
        let (rows, all) = read(&content, &[]).unwrap();
        prop_assert_eq!(all.len(), 1);
        let (again, added) = read(&content, &earlier).unwrap();
        prop_assert_eq!(again, rows);
        prop_assert_eq!(added, if cut == content.len() { vec![] } else { all });
        let mut other = content.clone();
        other[changed.index(cut)] ^= 0x10;
        let is_changed =
            matches!(read(&other, &earlier), Err(super::super::InputError::Changed { row: 0, line: 1, .. }));
        prop_assert!(is_changed);
    }
}
