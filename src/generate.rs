//! What a package is filled with, made from the arguments themselves: manual pages, and completions for shells.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli;
use crate::programs;
use crate::stdio;

/// The last sections of each page.
const CLOSING: &str = r#".SH "EXIT STATUS"
0 on success, 1 on a failure, 2 on a wrong command line or value. Where a page says otherwise, that holds.
.SH FILES
.TP
\fI/etc/heartline/heartline.toml\fR
Settings of the services that a package installs, and of each program that has its path in \fBHEARTLINE_CONFIG\fR.
"#;

/// Write completions of commands and options to stdout, for a shell to load
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// The shell that loads them
    shell: Shell,

    /// Complete this program instead: one of the other names of heartline, such as wc-mapper
    #[arg(value_parser = program, default_value = "heartline", hide_default_value = true)]
    program: String,
}

/// Write a manual page for each command to a folder
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// Folder for the pages, such as /usr/local/share/man/man1; created if it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

fn program(name: &str) -> Result<String, String> {
    if name == "heartline" || programs::command_of(name).is_some() {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = programs::commands().map(|(name, _)| name).collect();
    Err(format!("write heartline or one of {}", names.join(", ")))
}

impl CompletionsArgs {
    /// Writes the completions; `heartline` is the command with all others below it.
    pub fn run(&self, heartline: Command) -> ExitCode {
        cli::run("heartline completions", async {
            let mut command = programs::command_of(&self.program).unwrap_or(heartline);
            // Into memory first: a reader that went is no panic.
            let mut script = Vec::new();
            clap_complete::generate(self.shell, &mut command, &self.program, &mut script);
            stdio::out().write_all(&script)?;
            Ok(())
        })
    }
}

impl ManArgs {
    /// Writes the pages; `heartline` is the command with all others below it.
    pub fn run(&self, heartline: Command) -> ExitCode {
        cli::run("heartline man", async {
            let folder = &self.folder;
            fs::create_dir_all(folder).with_context(|| {
                format!("cannot create {}; name another folder", folder.display())
            })?;
            // `heartline help COMMAND` needs no page of its own.
            let mut heartline = heartline.disable_help_subcommand(true);
            heartline.build();
            write_pages(&heartline, folder)?;
            for (_, mut command) in programs::commands() {
                command.build();
                write_pages(&command, folder)?;
            }
            Ok(())
        })
    }
}

/// Writes the page of a command, and those of all below it.
fn write_pages(command: &Command, folder: &Path) -> anyhow::Result<()> {
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        write_pages(below, folder)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = folder.join(format!("{name}.1"));
    let written = fs::write(&path, page(command)?);
    written.with_context(|| format!("cannot write {}; name another folder", path.display()))
}

fn page(command: &Command) -> anyhow::Result<String> {
    // In one line, as the help has it: all options follow anyway.
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let man = Man::new(command.clone().override_usage(usage))
        .date(date())
        .source(concat!("heartline ", env!("CARGO_PKG_VERSION")))
        .manual("Heartline Manual");
    let mut parts = Vec::new();
    man.render_title(&mut parts)?;
    man.render_name_section(&mut parts)?;
    man.render_synopsis_section(&mut parts)?;
    man.render_description_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut parts)?;
    }
    let notes = command.get_after_long_help().or(command.get_after_help());
    if notes.is_some() {
        let mut extra = Vec::new();
        man.render_extra_section(&mut extra)?;
        let extra = String::from_utf8(extra)?;
        parts.extend(extra.replacen(".SH EXTRA", ".SH NOTES", 1).into_bytes());
    }
    let mut page = String::from_utf8(parts)?;
    page.push_str(&environment(command));
    page.push_str(CLOSING);
    Ok(page)
}

/// The day of the page: that of `SOURCE_DATE_EPOCH`, in seconds since 1970, so that the same release has the same pages.
fn date() -> String {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok();
    let told = told.and_then(|seconds| DateTime::from_timestamp(seconds.parse().ok()?, 0));
    told.unwrap_or_else(Utc::now).format("%F").to_string()
}

/// The section with the variables, each with the option that it stands for.
fn environment(command: &Command) -> String {
    let shown = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set());
    let variables = shown.filter_map(|argument| {
        let variable = argument.get_env()?.to_string_lossy();
        let option = argument.get_long()?.replace('-', "\\-");
        Some(format!(
            ".TP\n\\fB{variable}\\fR\nIn place of \\fB\\-\\-{option}\\fR.\n"
        ))
    });
    let file = ".SH ENVIRONMENT\n.TP\n\\fBHEARTLINE_CONFIG\\fR\nThe file with settings.\n";
    std::iter::once(file.to_owned()).chain(variables).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_sections_that_people_look_for() {
        let mut command = programs::command_of("wc-mapper").expect("a program");
        command.build();
        let page = page(&command).expect("a page");
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "NOTES",
            "ENVIRONMENT",
            "FILES",
        ] {
            assert!(
                page.contains(&format!("\n.SH {section}\n")),
                "{section}: {page}"
            );
        }
        assert!(
            page.contains("\\fBHEARTLINE_ZOOKEEPER\\fR\nIn place of \\fB\\-\\-zookeeper\\fR"),
            "{page}"
        );
    }

    #[test]
    fn only_programs_that_there_are_can_be_completed() {
        assert!(program("heartline").is_ok());
        assert!(program("wc-reducer").is_ok());
        assert!(program("wc-shuffler").unwrap_err().contains("wc-mapper"));
    }
}
