//! Tokens, proofs and keys as arguments: the text itself, `@FILE`, or `-` for standard input. Arguments can be seen by
//! other users of the machine; files and pipes can not.

use std::{convert::Infallible, fmt, fs, io::Read, path::PathBuf, str::FromStr};

use anyhow::{Context, Result, bail};

/// More than any token or key set has.
const MAX_BYTES: u64 = 1024 * 1024;

/// Where a text comes from. `Debug` hides a text that was given itself.
#[derive(Clone)]
pub(crate) enum InputText {
    Given(String),
    File(PathBuf),
    StandardInput,
}

impl FromStr for InputText {
    type Err = Infallible;

    fn from_str(argument: &str) -> Result<Self, Infallible> {
        Ok(match (argument, argument.strip_prefix('@')) {
            ("-", _) => Self::StandardInput,
            (_, Some(file)) => Self::File(file.into()),
            (text, None) => Self::Given(text.to_owned()),
        })
    }
}

impl fmt::Debug for InputText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => formatter.write_str("Given(hidden)"),
            Self::File(path) => write!(formatter, "File({})", path.display()),
            Self::StandardInput => formatter.write_str("StandardInput"),
        }
    }
}

impl InputText {
    /// The text without blanks around it.
    pub(crate) fn read(&self) -> Result<String> {
        let text = match self {
            Self::Given(text) => text.clone(),
            Self::File(path) => {
                let file = fs::File::open(path).with_context(|| format!("read {}", path.display()))?;
                read_text(file).with_context(|| format!("read {}", path.display()))?
            }
            Self::StandardInput => read_text(std::io::stdin().lock()).context("read standard input")?,
        };
        Ok(text.trim().to_owned())
    }
}

fn read_text(source: impl Read) -> Result<String> {
    let mut text = String::new();
    source.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        bail!("the text is longer than {MAX_BYTES} bytes");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_text_stays_out_of_debug_output() {
        let text: InputText = "the-token".parse().unwrap();
        assert!(!format!("{text:?}").contains("the-token"));
        assert_eq!(text.read().unwrap(), "the-token");
        assert!(matches!("-".parse().unwrap(), InputText::StandardInput));
        assert!("@/does/not/exist".parse::<InputText>().unwrap().read().is_err());
    }

    #[test]
    fn stops_reading_what_never_ends() {
        assert!(read_text(std::io::repeat(b'a')).is_err());
    }
}
