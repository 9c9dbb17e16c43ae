//! The C program in the README compiles as shown.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_example_compiles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md");
    let example = readme
        .split_once("```c\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(example, _)| example)
        .expect("a C program");
    assert!(example.contains("int main(void)"), "a whole program");
    let mut compiler = Command::new("cc")
        .args(["-std=gnu99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"])
        .arg("-I")
        .arg(root.join("include"))
        .args(["-x", "c", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("cc");
    let mut stdin = compiler.stdin.take().expect("a pipe");
    stdin.write_all(example.as_bytes()).expect("cc reads");
    drop(stdin);
    assert!(compiler.wait().expect("cc ends").success(), "cc refuses the example");
}
