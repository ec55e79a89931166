//! What servers tell of their limits.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patata::fuzzing::told_limits(data));
