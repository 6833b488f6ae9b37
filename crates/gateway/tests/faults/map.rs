//! The tests that the table of faults names are there, and no test of a fault is left out.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The folders of tests that the table must name all of.
const OF_FAULTS: [&str; 2] = ["tests/faults", "../cli/tests/faults"];
/// Further ones that it may name.
const OTHERS: [&str; 3] = ["tests/sockets", "src", "../resource-server/src"];

/// Every test of a folder, as `file::test`.
fn tests_in(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .flat_map(tests_of)
        .collect()
}

fn tests_of(file: PathBuf) -> Vec<String> {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_attribute = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let starts = (0..lines.len()).filter(|at| is_attribute(lines[*at]));
    let function = |at: usize| {
        let line = lines[at..].iter().find_map(|line| line.split_once("fn ")).unwrap().1;
        format!("{name}::{}", line.split('(').next().unwrap())
    };
    starts.map(function).collect()
}

fn named() -> BTreeSet<String> {
    let rows = include_str!("../faults.rs").lines().filter(|line| line.starts_with("//! | "));
    let last = |row: &str| row.trim_end_matches(" |").rsplit("| ").next().unwrap().to_owned();
    rows.skip(1).map(|row| last(row).trim_matches('`').to_owned()).collect()
}

#[test]
fn the_table_names_tests_that_are_there_and_leaves_none_out() {
    let of_faults: BTreeSet<String> = OF_FAULTS.into_iter().flat_map(tests_in).collect();
    let others: BTreeSet<String> = OTHERS.into_iter().flat_map(tests_in).collect();
    let named = named();
    let missing: Vec<_> =
        named.iter().filter(|test| !of_faults.contains(*test) && !others.contains(*test)).collect();
    assert!(missing.is_empty(), "named, but not there: {missing:?}");
    let left_out: Vec<_> =
        of_faults.iter().filter(|test| !named.contains(*test) && !test.starts_with("map::")).collect();
    assert!(left_out.is_empty(), "there, but not named: {left_out:?}");
    assert!(named.len() > 20, "{named:?}");
}
