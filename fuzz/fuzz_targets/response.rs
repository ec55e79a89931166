//! What a server sends, in whatever pieces, through an HTTP/1.1 exchange.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patata::fuzzing::response(data));
