//! Bodies as texts, under any declared charset.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patata::fuzzing::text(data));
