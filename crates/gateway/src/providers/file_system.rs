//! Rule files from a file or a folder, and the watch over them.
//!
//! The folder is watched, not the files: editors replace files by renaming, and Kubernetes swaps a symbolic link. A
//! notification only says *look*; whether anything changed is decided by the contents. Every 30 seconds we look anyway,
//! for file systems that do not notify.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// How long a burst of notifications may last before we look.
const SETTLE: Duration = Duration::from_millis(50);
/// How often we look without a notification.
const POLL: Duration = Duration::from_secs(30);

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

/// Says when to look at a file or folder again.
pub(crate) struct Watch {
    notified: Arc<Notify>,
    /// Ends the watch when dropped. `None` where the system has no notifications: then there is only the poll.
    _watcher: Option<notify::RecommendedWatcher>,
}

impl Watch {
    /// Begins to watch the folder, or the folder that the file is in.
    pub(crate) fn start(source: &Path) -> Self {
        let notified = Arc::new(Notify::new());
        let watcher = watch_folder(source, Arc::clone(&notified));
        if let Err(error) = &watcher {
            tracing::warn!(path = %source.display(), %error, "no change notifications, looking every 30 seconds");
        }
        Self { notified, _watcher: watcher.ok() }
    }

    /// Resolves when it is time to look.
    pub(crate) async fn changed(&self) {
        tokio::select! {
            () = self.notified.notified() => tokio::time::sleep(SETTLE).await,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

fn watch_folder(source: &Path, notified: Arc<Notify>) -> notify::Result<notify::RecommendedWatcher> {
    let folder = if source.is_dir() { source } else { parent(source) };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the files makes access events of its own.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            notified.notify_one();
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

fn parent(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
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

    #[tokio::test]
    async fn notices_files_that_are_replaced_by_renaming() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.yaml");
        fs::write(&file, "old").unwrap();
        for watched in [folder.path(), file.as_path()] {
            let watch = Watch::start(watched);
            let temporary = folder.path().join(".rules.yaml.tmp");
            fs::write(&temporary, "new").unwrap();
            fs::rename(&temporary, &file).unwrap();
            tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
            assert_eq!(read(&file).unwrap()[0].text, "new");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn notices_the_swap_of_a_mounted_config_map() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["..one", "..two"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("rules.yaml"), version).unwrap();
        }
        symlink("..one", at("..data")).unwrap();
        symlink("..data/rules.yaml", at("rules.yaml")).unwrap();
        assert_eq!(read(folder.path()).unwrap()[0].text, "..one");
        let watch = Watch::start(folder.path());
        symlink("..two", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
        let files = read(folder.path()).unwrap();
        assert_eq!((files.len(), files[0].text.as_str()), (1, "..two"));
    }
}
