//! `docs/reliability.md` promises a test for each fault. Here each promise is looked up.

use std::{collections::BTreeSet, fs, path::Path};

/// Faults in the matrix.
const FAULTS: usize = 24;

/// What stands between backticks and names a test: a file and what it is called there.
fn tests(row: &str) -> Vec<(&str, &str)> {
    row.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.split_once("::")).collect()
}

/// The rows of the table under a heading, without its head.
fn rows<'d>(document: &'d str, heading: &str) -> Vec<&'d str> {
    let section = document.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    section.lines().filter(|line| line.starts_with('|')).skip(2).collect()
}

#[test]
fn every_fault_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let matrix = rows(&document, "The fault matrix");
    let numbers: Vec<usize> = matrix.iter().map(|row| row.split('|').nth(1).unwrap().trim().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=FAULTS).collect::<Vec<_>>());
    let mut missing = BTreeSet::new();
    for row in matrix.iter().chain(&rows(&document, "Security")).chain(&rows(&document, "Invariants")) {
        let named = tests(row);
        assert!(!named.is_empty(), "no test is named in: {row}");
        for (file, name) in named {
            let source = fs::read_to_string(root.join(file)).unwrap_or_default();
            let called = if file.ends_with(".rs") { format!("fn {name}(") } else { name.to_owned() };
            let is_there = source.contains(&called);
            if !is_there {
                missing.insert(format!("{file}::{name}"));
            }
        }
    }
    assert_eq!(missing, BTreeSet::new(), "named in docs/reliability.md and not there");
}
