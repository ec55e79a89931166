//! What somebody likely meant who wrote something else.

/// The name among these that is the most like another, if one is alike enough.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let similarity = |other: &str| strsim::normalized_damerau_levenshtein(&wanted, &other.to_lowercase());
    let near = names.map(|other| (similarity(other), other)).filter(|(similarity, _)| *similarity >= 0.6);
    near.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
}
