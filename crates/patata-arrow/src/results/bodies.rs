//! Bodies straight into a column of values: JSON by a type, without a value of its own for each.
//!
//! A body that is no JSON, and what of one does not fit the type, is null and told; all others are as if it were not
//! there.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{ArrayRef, new_empty_array};
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{ArrowError, DataType, Field, FieldRef};
use serde::de::IgnoredAny;

use crate::error::plain;
use crate::results::fractions::{WholeNumbers, has_fractions, item, without_fractions};
use crate::type_text::all_nullable;

/// How deep JSON may be nested: as deep as the other parser goes.
const DEEPEST: usize = 127;

/// How many bodies are tried together in the search for those that do not fit.
const TRIED_TOGETHER: usize = 32;

/// The most bytes that the values of a batch may take: empty objects are small, and their members in a table are not.
const LARGEST: usize = 1 << 30;

/// The longest that a fault is told.
const LONGEST_FAULT: usize = 300;

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Its place among those that were read.
    pub row: usize,
    /// Whether it is JSON at all.
    pub is_json: bool,
    /// What is wrong, in short.
    pub text: String,
}

/// Reads bodies as values of one type, all of which may be null.
///
/// ```
/// use std::borrow::Cow;
///
/// let reader = patata_arrow::BodyReader::new(&patata_arrow::type_of("struct<name: string>")?)?;
/// let bodies = [&b"{\"name\": \"a\"}"[..], b"<html>"].map(|body| Some(Cow::Borrowed(body)));
/// let (values, faults) = reader.read(&bodies)?;
/// assert_eq!((values.len(), values.null_count()), (2, 1));
/// assert_eq!((faults[0].row, faults[0].is_json), (1, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BodyReader {
    field: FieldRef,
    whole_numbers: Option<WholeNumbers>,
    /// What an object or a list takes at least, where it has all members.
    object_bytes: usize,
    largest: usize,
}

impl BodyReader {
    /// One for values of this type.
    ///
    /// # Errors
    /// A type that JSON is not read as.
    pub fn new(data_type: &DataType) -> Result<Self, ArrowError> {
        if has_fixed_bytes(data_type) {
            // Its decoder panics at what is no text.
            return Err(ArrowError::SchemaError("JSON has no bytes of a fixed size".into()));
        }
        let field = Arc::new(Field::new("body", all_nullable(data_type), true));
        let (whole_numbers, object_bytes) =
            (WholeNumbers::of(data_type), members(data_type).saturating_mul(8));
        let reader = Self { field, whole_numbers, object_bytes, largest: LARGEST };
        reader.decoder(1, false)?;
        Ok(reader)
    }

    /// The type of values.
    pub fn data_type(&self) -> &DataType {
        self.field.data_type()
    }

    fn decoder(&self, rows: usize, is_lenient: bool) -> Result<Decoder, ArrowError> {
        ReaderBuilder::new_with_field(self.field.clone())
            // It stops at this many: one more shows that a body holds more than one value.
            .with_batch_size(rows + 1)
            .with_coerce_primitive(true)
            .with_ignore_type_conflicts(is_lenient)
            .build_decoder()
    }

    /// A value for each body, and the faults in the order of rows. No body, and an empty one, is null and no fault.
    ///
    /// # Errors
    /// Where no column can be made, whatever is left out; and where one would be too large.
    pub fn read(&self, bodies: &[Option<Cow<'_, [u8]>>]) -> Result<(ArrayRef, Vec<Fault>), ArrowError> {
        let (mut faults, mut opened) = (Vec::new(), 0);
        let checked: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(row, body)| self.checked(row, body.as_deref()?, &mut opened, &mut faults))
            .collect();
        if self.is_too_large(opened) && bodies.len() > 1 {
            return Err(ArrowError::OffsetOverflowError(opened));
        }
        let mut texts: Vec<_> = checked.iter().map(Option::as_deref).collect();
        // As a rule, they all fit.
        if let Ok(values) = self.decode(&texts, false) {
            return Ok((values, faults));
        }
        for begin in (0..texts.len()).step_by(TRIED_TOGETHER) {
            let end = texts.len().min(begin + TRIED_TOGETHER);
            if self.decode(&texts[begin..end], false).is_ok() {
                continue;
            }
            for row in begin..end {
                let Err(fault) = self.decode(&texts[row..=row], false) else { continue };
                let is_usable = self.decode(&texts[row..=row], true).is_ok();
                faults.push(Self::fault(row, texts[row].unwrap_or_default(), fault));
                if !is_usable {
                    texts[row] = None;
                }
            }
        }
        // Of two in a row the first that was found is told.
        faults.sort_by_key(|fault| fault.row);
        faults.dedup_by_key(|fault| fault.row);
        Ok((self.decode(&texts, true)?, faults))
    }

    /// A body as the decoder may have it; `None` where there is nothing to read. Counts its brackets.
    fn checked<'b>(
        &self,
        row: usize,
        body: &'b [u8],
        opened: &mut usize,
        faults: &mut Vec<Fault>,
    ) -> Option<Cow<'b, [u8]>> {
        let text = without_mark(body);
        if text.is_empty() {
            return None;
        }
        let brackets = brackets(text);
        // Most texts have fewer than that, however they stand.
        if brackets > DEEPEST && is_too_deep(text) {
            let text = format!("it is nested more than {DEEPEST} deep");
            faults.push(Fault { row, is_json: false, text });
            return None;
        }
        if self.is_too_large(brackets) {
            let text = format!("its {brackets} objects and lists would take too much memory");
            faults.push(Fault { row, is_json: true, text });
            return None;
        }
        *opened = opened.saturating_add(brackets);
        // The decoder takes missing commas, and more of them, for none; and cuts fractions off.
        let is_cut = match &self.whole_numbers {
            Some(whole) if whole.may_be_cut(text) => has_fractions(text, self.data_type()),
            _ => serde_json::from_slice::<IgnoredAny>(text).map(|_| false),
        };
        match is_cut {
            Ok(false) => Some(Cow::Borrowed(text)),
            Ok(true) => {
                let (rest, text) = without_fractions(text, self.data_type())?;
                faults.push(Fault { row, is_json: true, text: shortened(text) });
                Some(Cow::Owned(rest))
            }
            Err(cause) => {
                faults.push(Fault { row, is_json: false, text: cause.to_string() });
                None
            }
        }
    }

    /// Whether so many objects and lists may take too much memory.
    fn is_too_large(&self, brackets: usize) -> bool {
        brackets.saturating_mul(self.object_bytes) > self.largest
    }

    /// Why the decoder refuses a body, which is JSON but for its characters.
    fn fault(row: usize, body: &[u8], misfit: ArrowError) -> Fault {
        if std::str::from_utf8(body).is_err() {
            return Fault { row, is_json: false, text: "it is not in UTF-8".into() };
        }
        let text = plain(misfit).replacen("expected [ got", "expected a list, got", 1);
        let text = text.replacen("expected { got", "expected an object, got", 1);
        Fault { row, is_json: true, text: shortened(text) }
    }

    /// A value for each text, which is null where there is none. A lenient one takes what does not fit as null.
    fn decode(&self, texts: &[Option<&[u8]>], is_lenient: bool) -> Result<ArrayRef, ArrowError> {
        let mut decoder = self.decoder(texts.len(), is_lenient)?;
        for (row, text) in texts.iter().enumerate() {
            for part in [text.unwrap_or(b"null"), b"\n"] {
                if decoder.decode(part)? != part.len() {
                    return Err(ArrowError::JsonError("there is more behind it".into()));
                }
            }
            // One that does not end would swallow the next.
            if decoder.has_partial_record() || decoder.len() != row + 1 {
                return Err(ArrowError::JsonError("it is not one whole value".into()));
            }
        }
        match decoder.flush()? {
            Some(batch) => Ok(batch.column(0).clone()),
            None => Ok(new_empty_array(self.data_type())),
        }
    }
}

/// How many columns an object has, all that is in it counted.
fn members(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => {
            fields.iter().map(|field| members(field.data_type())).fold(0, usize::saturating_add).max(1)
        }
        DataType::FixedSizeList(item, size) => {
            members(item.data_type()).saturating_mul(usize::try_from(*size).unwrap_or_default()).max(1)
        }
        other => item(other).map_or(1, |item| members(item.data_type())),
    }
}

/// Whether there are bytes of a fixed size anywhere in a type.
fn has_fixed_bytes(data_type: &DataType) -> bool {
    match data_type {
        DataType::FixedSizeBinary(_) => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_fixed_bytes(field.data_type())),
        DataType::Map(item, _) | DataType::RunEndEncoded(_, item) => has_fixed_bytes(item.data_type()),
        other => item(other).is_some_and(|item| has_fixed_bytes(item.data_type())),
    }
}

/// Some servers begin with a byte order mark, which is no JSON.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

/// Whether what reads it might run out of stack.
fn is_too_deep(text: &[u8]) -> bool {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'[' | b'{' if !is_quoted => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' if !is_quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// How many brackets of either kind are opened. A piece at a time, so that it is done for many bytes at once.
fn brackets(text: &[u8]) -> usize {
    let is_bracket = |byte: &u8| u8::from(byte | 0x20 == b'{');
    text.chunks(128).map(|piece| usize::from(piece.iter().map(is_bracket).sum::<u8>())).sum()
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST_FAULT {
        let end = (0..=LONGEST_FAULT).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};
    use arrow_array::{Array, Int64Array, ListArray, StringArray, StructArray};
    use arrow_buffer::NullBuffer;
    use arrow_cast::display::{ArrayFormatter, FormatOptions};

    use super::*;
    use crate::type_text::type_of;
    use crate::values::json::Json;

    fn read(data_type: &str, bodies: &[&str]) -> (Vec<String>, Vec<Fault>) {
        let reader = BodyReader::new(&type_of(data_type).unwrap()).unwrap();
        let bodies: Vec<_> = bodies.iter().map(|body| Some(Cow::Borrowed(body.as_bytes()))).collect();
        let (values, faults) = reader.read(&bodies).unwrap();
        assert_eq!((values.len(), values.data_type()), (bodies.len(), reader.data_type()));
        let options = FormatOptions::default().with_null("null");
        let shown = ArrayFormatter::try_new(&values, &options).unwrap();
        ((0..values.len()).map(|row| shown.value(row).to_string()).collect(), faults)
    }

    #[test]
    fn what_fits_is_read_and_what_does_not_is_null_and_told() {
        let person = "struct<name: string, tags: list<int64>>";
        for (data_type, body, value, fault) in [
            (person, r#"{"name": "a", "tags": [1, null], "more": {}}"#, "{name: a, tags: [1, null]}", None),
            (person, "{}", "{name: null, tags: null}", None),
            (person, "null", "null", None),
            (person, "", "null", None),
            (person, " \r\n", "null", None),
            (person, "\u{feff}{\"name\": \"é\"}", "{name: é, tags: null}", None),
            (person, r#"{"name": 5}"#, "{name: 5, tags: null}", None),
            (
                person,
                r#"{"name": "a", "tags": "x"}"#,
                "{name: a, tags: null}",
                Some("field 'tags': expected a list, got \"x\""),
            ),
            (person, r#"{"name": "a", "tags": [1, "x"]}"#, "{name: a, tags: [1, null]}", Some("x")),
            (person, "[1]", "null", Some("expected an object, got [1]")),
            (person, "<html>", "null", Some("expected value")),
            (person, r#"{"name": "a""#, "null", Some("EOF")),
            (person, "{} {}", "null", Some("trailing")),
            (person, "{\"name\": \"\u{1}\"}", "null", Some("control character")),
            (person, r#"{"name": "a" "tags": []}"#, "null", Some("expected `,`")),
            ("list<int64>", "[1,,2]", "null", Some("expected value")),
            ("int64", "01", "null", Some("invalid number")),
            ("list<string>", r#"["a", 1]"#, "[a, 1]", None),
            ("int64", "7", "7", None),
            ("int64", "7.5", "null", Some("7.5")),
            ("date32", "\"2024-02-03\"", "2024-02-03", None),
            ("timestamp[us, UTC]", "\"2024-02-03T04:05:06+01:00\"", "2024-02-03T03:05:06Z", None),
            ("map<string, double>", r#"{"a": 1, "b": null}"#, "{a: 1.0, b: null}", None),
            ("decimal(5, 2)", "1.25", "1.25", None),
        ] {
            // Whatever stands beside it.
            for beside in [&[][..], &["null"], &["null"; 40]] {
                let bodies: Vec<_> = [beside, &[body], beside].concat();
                let (values, faults) = read(data_type, &bodies);
                let row = beside.len();
                assert_eq!(values[row], value, "{body}");
                assert!((0..bodies.len()).all(|other| other == row || values[other] == "null"));
                match fault {
                    None => assert_eq!(faults, [], "{body}"),
                    Some(part) => {
                        assert_eq!((faults.len(), faults[0].row), (1, row), "{body}");
                        assert!(faults[0].text.contains(part), "{body}: {}", faults[0].text);
                    }
                }
            }
        }
    }

    #[test]
    fn a_body_that_does_not_end_takes_nothing_of_the_next() {
        for bodies in [["{\"a\":", "1}"], ["[1", "]"], ["\"x", "y\""], ["1 2", ""], ["tr", "ue"]] {
            let (values, faults) = read("struct<a: int64>", &bodies);
            assert_eq!(values, ["null", "null"], "{bodies:?}");
            assert!(!faults.is_empty() && !faults[0].is_json, "{bodies:?}");
        }
    }

    #[test]
    fn deep_nesting_is_a_fault_and_no_crash() {
        let deep = "[".repeat(1_000_000);
        let whole = format!("{deep}{}", "]".repeat(1_000_000));
        let quoted = format!("{{\"a\": \"{}\"}}", "[{\\\"".repeat(1000));
        let (values, faults) = read("struct<a: string>", &[&deep, &whole, &quoted]);
        assert_eq!((values[0].as_str(), values[1].as_str()), ("null", "null"));
        assert!(values[2].starts_with("{a: [{"));
        assert_eq!(faults.iter().map(|fault| fault.row).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn what_is_small_as_text_and_large_as_a_table_is_not_read_at_once() {
        let mut reader =
            BodyReader::new(&type_of("list<struct<a: int64, b: struct<c: string, d: bool>>>").unwrap())
                .unwrap();
        reader.largest = 100 * 3 * 8;
        let body = |objects: usize| format!("[{}]", vec!["{}"; objects].join(","));
        let bodies = [body(99), body(100), body(1)].map(String::into_bytes);
        let given: Vec<_> = bodies.iter().map(|body| Some(Cow::Borrowed(&body[..]))).collect();
        assert!(matches!(reader.read(&given), Err(ArrowError::OffsetOverflowError(102))));
        let (values, faults) = reader.read(&given[..2]).unwrap();
        assert_eq!((values.as_list::<i32>().value_length(0), values.is_null(1)), (99, true));
        assert_eq!((faults.len(), faults[0].row, faults[0].is_json), (1, 1, true));
    }

    #[test]
    fn json_may_be_as_deep_as_is_said_and_no_deeper() {
        for (depth, is_fault) in [(DEEPEST, false), (DEEPEST + 1, true)] {
            let inner = depth - 1;
            let body = format!("{{\"n\": 1.5, \"a\": {}{}}}", "[".repeat(inner), "]".repeat(inner));
            let (values, faults) = read("struct<n: int64, b: string>", &[&body]);
            assert_eq!((faults.len(), !faults[0].is_json), (1, is_fault), "{faults:?}");
            assert_eq!(values[0], if is_fault { "null" } else { "{n: null, b: null}" });
        }
    }

    #[test]
    fn other_characters_than_those_of_utf_8_are_no_json() {
        let reader = BodyReader::new(&type_of("struct<a: string>").unwrap()).unwrap();
        let bodies = [&b"{\"a\": \"\xff\"}"[..], b"{\"a\": \"x\"}"].map(|body| Some(Cow::Borrowed(body)));
        let (values, faults) = reader.read(&bodies).unwrap();
        assert_eq!((values.is_null(0), values.is_valid(1)), (true, true));
        assert_eq!(faults, [Fault { row: 0, is_json: false, text: "it is not in UTF-8".into() }]);
    }

    #[test]
    fn long_faults_are_told_in_short() {
        let (_, faults) = read("int64", &[&format!("[\"{}\"]", "é".repeat(10_000))]);
        assert!(faults[0].is_json && faults[0].text.len() < 310, "{}", faults[0].text.len());
    }

    #[test]
    fn what_a_schema_says_can_never_be_null_may_be() {
        let strict = DataType::Struct(vec![Field::new("a", DataType::Int64, false)].into());
        let (values, faults) = BodyReader::new(&strict).unwrap().read(&[Some(Cow::Borrowed(b"{}"))]).unwrap();
        assert!(faults.is_empty() && values.as_struct().column(0).is_null(0));
    }

    #[test]
    fn types_that_json_is_not_read_as_are_refused() {
        let fixed = DataType::FixedSizeBinary(2);
        let nested = DataType::List(Arc::new(Field::new("item", fixed.clone(), true)));
        for data_type in [DataType::Interval(arrow_schema::IntervalUnit::DayTime), fixed, nested] {
            assert!(BodyReader::new(&data_type).is_err(), "{data_type}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(
            rows in proptest::collection::vec(
                proptest::option::of((
                    proptest::option::of(proptest::num::i64::ANY),
                    proptest::option::of(".{0,8}"),
                    proptest::option::of(proptest::collection::vec(
                        proptest::option::of(proptest::num::f64::NORMAL | proptest::num::f64::ZERO),
                        0..4,
                    )),
                )),
                0..20,
            )
        ) {
            let part = |row: &usize| rows[*row].clone().unwrap_or_default();
            let places: Vec<_> = (0..rows.len()).collect();
            let numbers: Int64Array = places.iter().map(|row| part(row).0).collect();
            let texts: StringArray = places.iter().map(|row| part(row).1).collect();
            let lists = ListArray::from_iter_primitive::<Float64Type, _, _>(places.iter().map(|row| part(row).2));
            let nulls: NullBuffer = rows.iter().map(Option::is_some).collect();
            let data_type = type_of("struct<a: int64, b: string, c: list<double>>").unwrap();
            let DataType::Struct(fields) = &data_type else { panic!("{data_type} is no struct") };
            let columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(texts), Arc::new(lists)];
            let written: ArrayRef = Arc::new(StructArray::new(fields.clone(), columns, Some(nulls)));
            let json = Json::read(&written).unwrap();
            let bodies: Vec<_> = places.iter().map(|row| json.of(*row).unwrap()).collect();
            let bodies: Vec<_> = bodies.iter().map(|body| body.as_deref().map(Cow::Borrowed)).collect();
            let (read, faults) = BodyReader::new(&data_type).unwrap().read(&bodies).unwrap();
            proptest::prop_assert_eq!(faults, []);
            proptest::prop_assert_eq!(&read, &written);
        }

        #[test]
        fn each_body_is_read_as_if_it_were_alone(
            bodies in proptest::collection::vec(
                proptest::sample::select(vec![
                    "1", "{\"a\": 1}", "{\"a\": \"x\"}", "{\"a\":", "}", "[", "\"", "", "null", "{\"a\": 2}", "tru", "nul",
                    "{\"a\": 3} ", "{}{}", ",", "\\", "{\"a\": [", "]}", "\u{feff}", "{\"a\": -", "1e999", "{\"a\": 1e999}",
                ]),
                0..80,
            )
        ) {
            let reader = BodyReader::new(&type_of("struct<a: int64>").unwrap()).unwrap();
            let given: Vec<_> = bodies.iter().map(|body| Some(Cow::Borrowed(body.as_bytes()))).collect();
            let (together, faults) = reader.read(&given).unwrap();
            proptest::prop_assert_eq!(together.len(), bodies.len());
            for (row, body) in given.iter().enumerate() {
                let (alone, fault) = reader.read(std::slice::from_ref(body)).unwrap();
                let value = |values: &ArrayRef, row: usize| {
                    let members = values.as_struct();
                    let numbers = members.column(0).as_primitive::<Int64Type>();
                    members.is_valid(row).then(|| numbers.is_valid(row).then(|| numbers.value(row)))
                };
                proptest::prop_assert_eq!(value(&together, row), value(&alone, 0), "{}", bodies[row]);
                let told = faults.iter().find(|fault| fault.row == row).map(|fault| &fault.text);
                proptest::prop_assert_eq!(told, fault.first().map(|fault| &fault.text));
            }
        }

        #[test]
        fn no_bytes_break_the_reader(
            bodies in proptest::collection::vec(
                proptest::collection::vec(
                    proptest::prop_oneof![proptest::sample::select(b"{}[]\":,a1\\n \n".to_vec()), proptest::num::u8::ANY],
                    0..12,
                ),
                0..6,
            )
        ) {
            let reader = BodyReader::new(&type_of("struct<a: list<string>>").unwrap()).unwrap();
            let given: Vec<_> = bodies.iter().map(|body| Some(Cow::Borrowed(&body[..]))).collect();
            proptest::prop_assert_eq!(reader.read(&given).unwrap().0.len(), bodies.len());
        }
    }
}
