//! What shells and `man` want to know of the arguments, made from their definition.

use std::io::{self, Write};

use clap_complete::Shell;

use crate::args;
use crate::exit::{Exit, Failure};

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<Exit, Failure> {
    print(&completion_text(shell))
}

/// Prints the manual page.
pub(super) fn man() -> Result<Exit, Failure> {
    print(&man_text().map_err(|cause| Failure::local(format!("the manual page cannot be made: {cause}")))?)
}

fn print(text: &[u8]) -> Result<Exit, Failure> {
    Failure::of_stdout(io::stdout().lock().write_all(text))?;
    Ok(Exit::Ok)
}

fn completion_text(shell: Shell) -> Vec<u8> {
    let mut command = args::program();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "patata", &mut text);
    text
}

/// One page: the program, then each command in a section of its own.
fn man_text() -> io::Result<Vec<u8>> {
    let mut program = args::program();
    program.build();
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(program.clone()).date("");
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_subcommands_section(&mut text)?;
    for command in program.get_subcommands() {
        sections(command, "PATATA", &mut text)?;
    }
    page.render_version_section(&mut text)?;
    Ok(text)
}

/// A section for a command, and one for each below it.
fn sections(command: &clap::Command, above: &str, text: &mut Vec<u8>) -> io::Result<()> {
    let name = format!("{above} {}", command.get_name().to_uppercase());
    let mut part = Vec::new();
    let page = clap_mangen::Man::new(command.clone());
    page.render_synopsis_section(&mut part)?;
    page.render_description_section(&mut part)?;
    page.render_options_section(&mut part)?;
    page.render_extra_section(&mut part)?;
    // Sections become parts of the command's own.
    let part = String::from_utf8_lossy(&part).replace(".SH ", ".SS ");
    writeln!(text, ".SH \"{name}\"")?;
    text.extend_from_slice(part.as_bytes());
    command.get_subcommands().try_for_each(|below| sections(below, &name, text))
}
