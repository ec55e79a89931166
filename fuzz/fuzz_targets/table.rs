//! A template of URLs, a type, and what columns have, as people write them; and bodies, as servers send them, into columns.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patata_arrow::fuzzing::table(data));
