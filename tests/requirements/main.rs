//! Every requirement is cited by its id in the source and in a test, and
//! docs/REQUIREMENTS.md says where.
//!
//! `WSIO_WRITE_REQUIREMENTS=1 cargo test --test requirements` writes it anew.

mod citations;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use citations::citations;

/// For each id, the files that cite it and what in them does.
#[derive(Default)]
struct Index(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Index {
    fn add(&mut self, id: String, file: &str, item: String) {
        self.0.entry(id).or_default().entry(file.to_owned()).or_default().insert(item);
    }

    /// A cell of the table: a line for each file.
    fn cell(&self, id: &str) -> String {
        let lines = self.0[id].iter().map(|(file, items)| {
            let items: Vec<_> = items.iter().map(|item| format!("`{item}`")).collect();
            format!("[{file}](../{file}): {}", items.join(", "))
        });
        lines.collect::<Vec<_>>().join("<br>")
    }
}

#[test]
fn every_requirement_is_cited_and_listed() {
    let known = read("docs/requirements.txt");
    let known: BTreeSet<&str> = known.lines().collect();
    let notes = read("docs/requirements-notes.md");
    let mut problems = String::new();
    let mut code = Index::default();
    let mut tests = Index::default();

    let mut places = vec!["docs/requirements-notes.md".to_owned()];
    places.extend(["src", "sdk-list/src", "tests", "c_tests"].into_iter().flat_map(files));
    // The examples in there are not citations.
    places.retain(|file| !file.starts_with("tests/requirements/"));

    for file in places {
        for citation in citations(&file, &read(&file)) {
            let id = citation.id;
            if !known.contains(id.as_str()) {
                writeln!(problems, "{file}:{}: there is no {id}", citation.line).unwrap();
            } else if citation.in_test {
                tests.add(id, &file, citation.item);
            } else if file.contains("src/") {
                code.add(id, &file, citation.item);
            }
        }
    }
    for &id in &known {
        if !code.0.contains_key(id) {
            writeln!(problems, "{id} is not cited in src/").unwrap();
        }
        if !tests.0.contains_key(id) {
            writeln!(problems, "{id} is not cited in a test").unwrap();
        }
    }
    assert!(problems.is_empty(), "\n{problems}");

    let mut made = format!("{notes}\n## Where each is met and tested\n\n");
    made.push_str("| requirement | code | tests |\n|---|---|---|\n");
    for &id in &known {
        writeln!(made, "| {id} | {} | {} |", code.cell(id), tests.cell(id)).unwrap();
    }
    let path = root().join("docs/REQUIREMENTS.md");
    if std::env::var_os("WSIO_WRITE_REQUIREMENTS").is_some() {
        fs::write(&path, &made).expect("docs/ can be written");
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == made,
        "docs/REQUIREMENTS.md is out of date; \
         WSIO_WRITE_REQUIREMENTS=1 cargo test --test requirements writes it anew"
    );
}

/// All files below a folder, as paths from the root.
fn files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder of the project");
    let mut found = Vec::new();
    for entry in entries.map(|entry| entry.expect("a readable folder")) {
        let path = format!("{folder}/{}", entry.file_name().to_str().expect("plain names"));
        if entry.path().is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A text file; of others what can be read.
fn read(path: &str) -> String {
    let bytes = fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
