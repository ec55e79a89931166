//! The type of bodies, from how a user writes it: members with their types, or a file that has them.

use std::collections::BTreeMap;

use crate::exit::Failure;

const FIX: &str = "write members with their types, as --schema 'name=string,tags=list<string>', or @FILE of JSON, as \
                   {\"name\": \"string\", \"tags\": \"list<string>\"}";

/// The type as the folder's manifest has it.
pub(super) fn schema(text: &str) -> Result<String, Failure> {
    let members = match text.strip_prefix('@') {
        Some(path) => of_file(path)?,
        None => members(text)?,
    };
    if let Some((name, _)) = members.iter().find(|(name, _)| name.contains('"')) {
        return Err(Failure::usage(format!("--schema: no member can be named {name:?}; leave it out")));
    }
    // Its errors name the member.
    patata_arrow::struct_type(members.iter().map(|(name, text)| (name, text)))
        .map_err(|error| Failure::usage(format!("--schema: {error}")))?;
    let members: Vec<_> = members.iter().map(|(name, text)| format!("\"{name}\": {text}")).collect();
    Ok(format!("struct<{}>", members.join(", ")))
}

fn of_file(path: &str) -> Result<Vec<(String, String)>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| Failure::usage(format!("--schema: {path} cannot be read: {cause}; {FIX}")))?;
    let members: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|cause| {
        Failure::usage(format!("--schema: {path} is no object of names and types: {cause}; {FIX}"))
    })?;
    Ok(members.into_iter().collect())
}

/// What stands between commas, but for those within a type.
fn members(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let (mut depth, mut begin, mut parts) = (0_usize, 0, Vec::new());
    for (place, letter) in text.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[begin..place]);
                begin = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    let member = |part: &str| match part.split_once('=') {
        Some((name, data_type)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), data_type.trim().to_owned()))
        }
        _ => Err(Failure::usage(format!("--schema: {part:?} is no member with its type; {FIX}"))),
    };
    parts.into_iter().map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_between_commas_that_belong_to_no_type() {
        for (text, expected) in [
            ("name=string", "struct<\"name\": string>"),
            ("a b = int64 , c=list<string>", "struct<\"a b\": int64, \"c\": list<string>>"),
            (
                "at=timestamp[us, UTC],price=decimal(10, 2),m=map<string, struct<a: bool, b: date>>",
                "struct<\"at\": timestamp[us, UTC], \"price\": decimal(10, 2), \"m\": map<string, struct<a: bool, b: date>>>",
            ),
        ] {
            let written = schema(text).unwrap();
            assert_eq!(written, expected);
            assert!(patata_arrow::type_of(&written).is_ok());
        }
    }

    #[test]
    fn what_is_no_schema_is_told_with_the_fix() {
        for (text, part) in [
            ("", "\"\" is no member with its type; write members"),
            ("name", "\"name\" is no member with its type"),
            ("=string", "no member with its type"),
            ("name=strin", "member \"name\": \"strin\" is no type"),
            ("a=string,a=bool", "\"a\" is there twice"),
            ("\"a\"=string", "no member can be named"),
            ("@none.json", "none.json cannot be read"),
        ] {
            let error = schema(text).unwrap_err().message;
            assert!(error.starts_with("--schema: ") && error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_file_has_an_object_of_names_and_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let at = format!("@{}", path.display());
        std::fs::write(&path, "{\"name\": \"string\", \"n\": \"int64\"}").unwrap();
        assert_eq!(schema(&at).unwrap(), "struct<\"n\": int64, \"name\": string>");
        std::fs::write(&path, "[1]").unwrap();
        assert!(schema(&at).unwrap_err().message.contains("is no object of names and types"));
    }
}
