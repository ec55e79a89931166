//! Where a `Location` leads, and what goes along.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patata::fuzzing::redirect(data));
