//! Bodies under content-encodings.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patata::fuzzing::decoding(data));
