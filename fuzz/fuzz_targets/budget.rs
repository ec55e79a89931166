//! What a stranger says to the holder of a budget, and one that is let in; and what a stranger says that is asked for one.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patata_budget::fuzzing::wire(data));
