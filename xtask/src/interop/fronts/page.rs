//! The blocks of a page in `docs/integrations/` that a front is started with.

use anyhow::{Context, Result, ensure};

use super::site::Site;
use crate::run::root;

/// A page.
pub(super) struct Page {
    name: &'static str,
    text: String,
    /// Whether the configuration hands cookies on and asks the gateway over TLS.
    pub(super) is_full: bool,
}

/// Before lines for those who have `cookie` finalizers.
const COOKIES: &str = "# cookies: ";
/// Before lines for a gateway that is asked over TLS, and behind lines for one that is not.
const TLS: &str = "# tls: ";
const WITHOUT_TLS: &str = "# without TLS";

impl Page {
    /// Reads `docs/integrations/NAME.md`.
    pub(super) fn read(name: &'static str) -> Result<Self> {
        let path = root().join("docs/integrations").join(format!("{name}.md"));
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self { name, text, is_full: false })
    }

    /// The page with what it says about cookies and TLS done.
    pub(super) fn in_full(self) -> Self {
        Self { text: with_tls(&self.text).replace(COOKIES, ""), is_full: true, ..self }
    }

    /// The block whose fence names the file, such as a line of three backquotes, `nginx` and `api.conf`.
    pub(super) fn block(&self, file: &str) -> Result<String> {
        let mut blocks = self.text.split("\n```").skip(1).step_by(2);
        let block = blocks.find_map(|block| {
            let (fence, rest) = block.split_once('\n')?;
            (fence.split_whitespace().nth(1) == Some(file)).then_some(rest)
        });
        let block =
            block.with_context(|| format!("no block named {file} in docs/integrations/{}.md", self.name))?;
        Ok(format!("{block}\n"))
    }
}

/// The text with its lines for TLS in place of those without.
pub(super) fn with_tls(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.ends_with(WITHOUT_TLS));
    lines.flat_map(|line| [line.replacen(TLS, "", 1), "\n".to_owned()]).collect()
}

/// Puts this run's addresses and files in place of the printed ones and writes the file into the site's folder.
pub(super) fn write(site: &Site, file: &str, text: &str, replacements: &[(&str, String)]) -> Result<()> {
    let text = with_own(file, text, replacements)?;
    std::fs::write(site.folder.join(file), text).with_context(|| file.to_owned())
}

/// The text of `file` with this run's addresses in place of the printed ones. A printed one that is not there any more is an
/// error: the text has changed, and the run would test something else.
pub(crate) fn with_own(file: &str, text: &str, replacements: &[(&str, String)]) -> Result<String> {
    let mut text = text.to_owned();
    for (printed, ours) in replacements {
        ensure!(text.contains(printed), "{file}: `{printed}` is not in it any more");
        text = text.replace(printed, ours);
    }
    Ok(text)
}
