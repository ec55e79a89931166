//! The program `patata`.

/// What one thread allocates, another one frees, as requests and responses cross threads: this allocator is made for
/// that. Version 2, as version 3 crashes in programs with threads that come and go (microsoft/mimalloc#1287).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    patata_cli::main(std::env::args_os()).into()
}
