//! How long a server asks to be left alone.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patata::fuzzing::retry_after_header(data));
