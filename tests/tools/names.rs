//! One name for one type: each public type of the workspace has a name of its own, so that a search finds one thing.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::support::{Parts, sources};

/// How the line begins that declares a public type. An alias is not a type of its own.
const DECLARATIONS: [&str; 3] = ["pub struct ", "pub enum ", "pub trait "];

/// The names of the public types that a text declares.
fn declared(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = DECLARATIONS
            .iter()
            .find_map(|start| line.strip_prefix(start))?;
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
    })
}

/// The folders of the sources: the package at the top, and each crate.
fn folders() -> Vec<PathBuf> {
    let crates = fs::read_dir(Parts::root().join("crates")).expect("the crates");
    crates
        .map(|entry| entry.expect("an entry").path().join("src"))
        .chain([Parts::root().join("src")])
        .collect()
}

#[test]
fn each_public_type_has_a_name_of_its_own() {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in folders().iter().flat_map(|folder| sources(folder)) {
        let text = fs::read_to_string(&path).expect("a source file");
        for name in declared(&text) {
            let places = places.entry(name.to_owned()).or_default();
            places.push(path.clone());
        }
    }
    assert!(places.contains_key("Beat"), "no types were found");
    places.retain(|_, places| places.len() > 1);
    assert!(
        places.is_empty(),
        "put a first word before one of each (STYLE.md, section Names): {places:#?}"
    );
}

#[test]
fn a_declaration_is_understood() {
    let text = "pub struct One(u8);\n    pub enum Two<'a> {\npub trait Three: Send {\npub(super) struct Four;\n\
                pub type Five = u8;\n/// pub struct Six\npub struct Seven<T> {";
    let names: Vec<&str> = declared(text).collect();
    assert_eq!(names, ["One", "Two", "Three", "Seven"]);
}
