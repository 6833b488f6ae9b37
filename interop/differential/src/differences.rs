//! `docs/differences.md`: what other verifiers see otherwise, one row for each class of requests.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// The rows of the page, by class.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page(pub(crate) BTreeMap<String, Difference>);

/// What we do, and how many of those who have an opinion do the opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) we_accept: bool,
    pub(crate) others: usize,
    pub(crate) asked: usize,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { we_accept, others, asked } = self;
        let (here, there) = if *we_accept { ("accepted", "refuse") } else { ("refused", "accept") };
        write!(formatter, "{here} | {others} of {asked} {there}")
    }
}

impl Page {
    /// Reads the page of this source tree.
    pub(crate) fn read() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/differences.md");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Self::parse(&text).context("docs/differences.md")
    }

    /// Rows begin with the class in backquotes: class, what we do, what others do, why.
    fn parse(text: &str) -> Result<Self> {
        let mut rows = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, class, here, there, why, _] = cells.as_slice() else { bail!("no four cells in {line}") };
            let we_accept = match *here {
                "accepted" => true,
                "refused" => false,
                other => bail!("{other} is neither accepted nor refused"),
            };
            let words: Vec<&str> = there.split(' ').collect();
            let [others, "of", asked, verb] = words.as_slice() else {
                bail!("{there} is not `2 of 4 accept`")
            };
            ensure!(*verb == if we_accept { "refuse" } else { "accept" }, "no difference in {line}");
            ensure!(!why.is_empty(), "no reason in {line}");
            let difference = Difference { we_accept, others: others.parse()?, asked: asked.parse()? };
            let class = class.trim_matches('`').to_owned();
            ensure!(rows.insert(class, difference).is_none(), "a class has two rows: {line}");
        }
        Ok(Self(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutations::{self, Verdict};

    #[test]
    fn every_row_names_a_class_and_says_what_we_do() {
        let classes = mutations::all();
        for (name, row) in Page::read().unwrap().0 {
            let class = classes.iter().find(|class| class.name == name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(row.we_accept, class.expected == Verdict::Accepted, "{name}");
            assert!(0 < row.others && row.others <= row.asked && row.asked <= 4, "{name}: {row}");
        }
    }

    #[test]
    fn every_row_has_a_clause_or_a_decision() {
        let page = include_str!("../../../docs/differences.md");
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            assert!(row.contains("RFC ") || row.contains('§'), "no clause in {row}");
        }
    }

    #[test]
    fn a_row_is_read_and_a_bad_one_is_an_error() {
        let row = "| `typ-other-case` | refused | 1 of 4 accept | because |";
        let page = Page::parse(row).unwrap();
        let expected = Difference { we_accept: false, others: 1, asked: 4 };
        assert_eq!(page.0.into_iter().collect::<Vec<_>>(), [("typ-other-case".to_owned(), expected)]);
        for bad in [
            "| `a` | refused | 1 of 4 refuse | because |",
            "| `a` | perhaps | 1 of 4 accept | because |",
            "| `a` | refused | some accept | because |",
            "| `a` | refused | 1 of 4 accept | |",
            "| `a` | refused | 1 of 4 accept |",
        ] {
            assert!(Page::parse(bad).is_err(), "{bad}");
        }
        assert!(Page::parse(&format!("{row}\n{row}")).is_err());
    }
}
