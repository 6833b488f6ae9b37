//! Rule files from a file or a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// One rule file as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleFile {
    /// The file as given in the configuration, with its name behind the folder.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

/// A file or folder that can not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(crate) struct ReadError {
    /// What could not be read.
    pub(crate) path: PathBuf,
    /// Why.
    pub(crate) source: io::Error,
}

/// Reads the rule file, or all rule files of the folder in order of their names. Subfolders and names that begin with a
/// dot are left out.
///
/// # Errors
///
/// If the file, the folder or one of its files can not be read, or holds no UTF-8.
pub(crate) fn read(source: &Path) -> Result<Vec<RuleFile>, ReadError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| ReadError { path, source }
    };
    if !fs::metadata(source).map_err(fail(source))?.is_dir() {
        return Ok(vec![read_file(source.to_owned())?]);
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(source).map_err(fail(source))? {
        let entry = entry.map_err(fail(source))?;
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // Follows symbolic links: files of a ConfigMap are some.
        if !hidden && fs::metadata(&path).map_err(fail(&path))?.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(read_file).collect()
}

fn read_file(path: PathBuf) -> Result<RuleFile, ReadError> {
    match fs::read_to_string(&path) {
        Ok(text) => Ok(RuleFile { path, text }),
        Err(source) => Err(ReadError { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_files_of_a_folder_in_order_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yaml", ".hidden.yaml"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/c.yaml"), "c").unwrap();
        let texts: Vec<String> = read(folder.path()).unwrap().into_iter().map(|file| file.text).collect();
        assert_eq!(texts, ["a.yaml", "b.yaml"]);
        assert_eq!(read(&folder.path().join("a.yaml")).unwrap().len(), 1);
        assert!(read(&folder.path().join("none")).is_err());
    }
}
