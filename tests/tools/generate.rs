//! Manual pages and completions, read by the programs that they are made for.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::hadoop::{log_of, succeed};
use crate::support::{left_out, which};

fn heartline() -> Command {
    Command::new(env!("CARGO_BIN_EXE_heartline"))
}

fn completions(shell: &str, program: &str) -> String {
    let made = succeed(heartline().args(["completions", shell, program]));
    String::from_utf8(made.stdout).expect("text")
}

#[test]
fn every_command_has_a_page_that_man_can_show() {
    let folder = tempfile::tempdir().expect("a folder");
    succeed(
        heartline()
            .arg("man")
            .arg(folder.path())
            .env("SOURCE_DATE_EPOCH", "86400"),
    );
    let help = succeed(heartline().arg("--help"));
    let help = String::from_utf8(help.stdout).expect("text");
    let commands = help
        .split("Commands:")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next());
    let commands = commands.expect("a list").lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.split(' ').next()?;
        (!name.is_empty() && name != "help").then_some(name)
    });
    let commands: Vec<&str> = commands.collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let page = fs::read_to_string(folder.path().join(format!("heartline-{command}.1")));
        let page = page.unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(page.contains("1970-01-02"), "{page}");
    }
    for program in ["heartline", "wc-mapper", "heartline-nodes-ca-issue"] {
        assert!(
            folder.path().join(format!("{program}.1")).exists(),
            "{program}"
        );
    }
    let Some(mandoc) = which("mandoc") else {
        left_out::leave_out!("mandoc is not installed");
    };
    for page in fs::read_dir(folder.path()).expect("a folder") {
        let page = page.expect("a file").path();
        // What it calls errors would be shown wrongly; its warnings are of style.
        succeed(
            Command::new(&mandoc)
                .args(["-T", "lint", "-W", "error"])
                .arg(&page),
        );
        let shown = succeed(Command::new(&mandoc).args(["-T", "utf8"]).arg(&page));
        assert!(String::from_utf8_lossy(&shown.stdout).contains("Heartline Manual"));
    }
}

#[test]
fn bash_completes_commands_and_options() {
    // As readline does it: the function that the script has registered, for a line that ends in the word to complete.
    let folder = tempfile::tempdir().expect("a folder");
    let complete = |program: &str, function: &str, words: &[&str]| {
        // In a file: it is longer than an argument may be.
        let script = folder.path().join(program);
        fs::write(&script, completions("bash", program)).expect("written");
        let script = script.display();
        let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let (last, before) = (words.last().expect("a word"), &words[words.len() - 2]);
        let ask = format!(
            ". {script}\ncomplete -p {program} >/dev/null || exit 1\nCOMP_WORDS=({})\nCOMP_CWORD={}\n\
             {function} {program} {last} {before}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1
        );
        let answer = succeed(
            Command::new("bash")
                .args(["--norc", "-c", &ask])
                .stdin(Stdio::null()),
        );
        String::from_utf8_lossy(&answer.stdout).into_owned()
    };
    let names = complete("heartline", "_heartline", &["heartline", "wc-"]);
    assert_eq!(names, "wc-mapper\nwc-reducer\n");
    let options = complete(
        "heartline",
        "_heartline",
        &["heartline", "nodes", "server", "--metr"],
    );
    assert_eq!(options, "--metrics\n");
    let options = complete("wc-mapper", "_wc__mapper", &["wc-mapper", "--combine-m"]);
    assert_eq!(options, "--combine-memory\n");
}

#[test]
fn zsh_and_fish_load_the_completions() {
    for shell in ["zsh", "fish"] {
        if which(shell).is_none() {
            left_out::leave_out!("{shell} is not installed");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    for program in ["heartline", "wc-reducer"] {
        fs::write(
            folder.path().join(format!("_{program}")),
            completions("zsh", program),
        )
        .expect("written");
        fs::write(
            folder.path().join(format!("{program}.fish")),
            completions("fish", program),
        )
        .expect("written");
    }
    let load = format!(
        "fpath=({} $fpath); autoload -Uz compinit; compinit -D -u; print -r -- $_comps[heartline] $_comps[wc-reducer]",
        folder.path().display()
    );
    let loaded = succeed(Command::new("zsh").args(["-f", "-c", &load]));
    assert_eq!(
        String::from_utf8_lossy(&loaded.stdout),
        "_heartline _wc-reducer\n",
        "{}",
        log_of(&loaded)
    );
    let ask = format!(
        "source {}/heartline.fish; complete -C 'heartline watch-m'",
        folder.path().display()
    );
    let asked = succeed(
        Command::new("fish")
            .args(["--no-config", "-c", &ask])
            .env("HOME", folder.path()),
    );
    let asked = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(asked.starts_with("watch-master\t"), "{asked}");
}

#[test]
fn a_program_that_is_none_is_a_wrong_command_line() {
    let refused = heartline()
        .args(["completions", "bash", "wc-shuffler"])
        .output()
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        log_of(&refused).contains("wc-mapper"),
        "{}",
        log_of(&refused)
    );
    let refused = heartline()
        .args(["man", "/proc/nowhere"])
        .output()
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        log_of(&refused).contains("name another folder"),
        "{}",
        log_of(&refused)
    );
}
