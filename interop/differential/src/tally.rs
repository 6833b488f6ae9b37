//! Who disagrees, and whether that is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use crate::Case;
use crate::differences::{Difference, Page};
use crate::mutations::Verdict;
use crate::peers::Verdicts;
use crate::world::World;

/// The verdicts of a run, class by class.
pub(crate) struct Tally<'c> {
    /// Where our verdict is not the expected one.
    wrong: BTreeSet<String>,
    classes: BTreeMap<&'c str, Class<'c>>,
}

/// The verdicts on the requests of one class.
struct Class<'c> {
    we_accept: bool,
    requests: usize,
    /// Who has an opinion, how often it was another than ours, and one of the reasons.
    others: BTreeMap<&'c str, (usize, &'c str)>,
}

impl Class<'_> {
    fn disagreeing(&self) -> impl Iterator<Item = (&str, usize, &str)> {
        self.others
            .iter()
            .filter(|(_, (count, _))| *count > 0)
            .map(|(name, (count, why))| (*name, *count, *why))
    }

    fn difference(&self) -> Option<Difference> {
        let others = self.disagreeing().count();
        (others > 0).then_some(Difference { we_accept: self.we_accept, others, asked: self.others.len() })
    }
}

impl<'c> Tally<'c> {
    pub(crate) fn of(world: &World, cases: &'c [Case<'c>], verdicts: &'c [Verdicts]) -> Self {
        let mut tally = Self { wrong: BTreeSet::new(), classes: BTreeMap::new() };
        for (case, verdicts) in cases.iter().zip(verdicts) {
            let (name, expected) = (case.class.name, case.class.expected);
            let verdict = world.judge(&case.request);
            if verdict != expected {
                tally.wrong.insert(format!("{name}: Keybound says {verdict:?}, expected is {expected:?}"));
            }
            let we_accept = expected == Verdict::Accepted;
            let class = tally.classes.entry(name).or_insert_with(|| Class {
                we_accept,
                requests: 0,
                others: BTreeMap::new(),
            });
            class.requests += 1;
            for (peer, why) in verdicts {
                let (count, reason) = class.others.entry(peer).or_default();
                if why.is_empty() != we_accept {
                    *count += 1;
                    *reason = why;
                }
            }
        }
        tally
    }

    /// Fails unless we say what is expected, and the disagreements are those of the page: none less, none more.
    pub(crate) fn check(&self, page: &Page, only: Option<&str>) -> Result<()> {
        let mut report = String::new();
        for wrong in &self.wrong {
            let _ = writeln!(report, "{wrong}");
        }
        for (name, class) in &self.classes {
            let (found, known) = (class.difference(), page.0.get(*name).copied());
            if found != known {
                let show = |difference: Option<Difference>| {
                    difference.map_or_else(|| "no difference".to_owned(), |difference| difference.to_string())
                };
                let _ = writeln!(report, "{name}: {}; the page says {}", show(found), show(known));
                for (peer, count, why) in class.disagreeing() {
                    let _ = writeln!(report, "    {peer}, {count} of {}: {why}", class.requests);
                }
                continue;
            }
            for (peer, count, why) in class.disagreeing().filter(|(_, count, _)| *count < class.requests) {
                let all = class.requests;
                let _ = writeln!(
                    report,
                    "{name}: {peer} disagrees about {count} of {all} only, the class is too wide: {why}"
                );
            }
        }
        let missing =
            page.0.keys().filter(|name| only.is_none() && !self.classes.contains_key(name.as_str()));
        for name in missing {
            let _ = writeln!(report, "{name}: in the page, and not asked");
        }
        if !report.is_empty() {
            bail!("verdicts are not as docs/differences.md says\n{report}");
        }
        Ok(())
    }

    /// Writes the requests that somebody disagreed about, with all verdicts, as JSON lines.
    pub(crate) fn write_disagreements(
        &self,
        path: &Path,
        cases: &[Case<'_>],
        verdicts: &[Verdicts],
    ) -> Result<()> {
        let mut text = String::new();
        for (case, verdicts) in cases.iter().zip(verdicts) {
            let (class, request) = (case.class, &case.request);
            let we_accept = class.expected == Verdict::Accepted;
            if verdicts.values().any(|why| why.is_empty() != we_accept) {
                let line = json!({
                    "class": class.name,
                    "method": request.method,
                    "url": request.url,
                    "authorization": request.authorization,
                    "proofs": request.proofs,
                    "verdicts": verdicts,
                });
                let _ = writeln!(text, "{line}");
            }
        }
        Ok(std::fs::write(path, text)?)
    }
}
