//! JSON of responses: the parser that the Python package is built on takes what serde_json takes, as the same.
//!
//! From there to Python objects it is tried by the tests of the Python package, which need no libpython to link.

#![no_main]

use jiter::JsonValue;
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Its other answer is for the standard library, which the package asks next.
    let Ok(found) = JsonValue::parse(data, true) else { return };
    if let Ok(expected) = serde_json::from_slice::<Value>(data) {
        assert!(is_same(&found, &expected), "{found:?} is not {expected:?}");
    }
});

fn is_same(found: &JsonValue<'_>, expected: &Value) -> bool {
    match (found, expected) {
        (JsonValue::Null, Value::Null) => true,
        (JsonValue::Bool(found), Value::Bool(expected)) => found == expected,
        (JsonValue::Str(found), Value::String(expected)) => found == expected,
        (JsonValue::Int(found), Value::Number(expected)) => {
            // Beyond 64 bits serde_json makes a float of it.
            expected.as_i64() == Some(*found) || expected.as_f64() == Some(*found as f64)
        }
        (JsonValue::BigInt(found), Value::Number(expected)) => {
            found.to_string().parse().ok() == expected.as_f64()
        }
        (JsonValue::Float(found), Value::Number(expected)) => expected.as_f64() == Some(*found),
        (JsonValue::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(one, other)| is_same(one, other))
        }
        (JsonValue::Object(found), Value::Object(expected)) => expected.iter().all(|(key, value)| {
            // Of a key that comes twice, the last value stands.
            let same = found.iter().rfind(|(name, _)| name == key);
            same.is_some_and(|(_, other)| is_same(other, value))
        }),
        _ => false,
    }
}
