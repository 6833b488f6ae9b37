//! When to look at a file or folder again.
//!
//! The folder is watched, not the files: editors replace files by renaming, and Kubernetes swaps a symbolic link. A
//! notification only says *look*; whether anything changed is decided by the contents. Every 30 seconds we look anyway,
//! for file systems that do not notify.

use std::{path::Path, sync::Arc, time::Duration};

use notify::{RecursiveMode, Watcher as _};
use tokio::{sync::Notify, time::Instant};

/// How long nothing must be noticed before we look.
const SETTLE: Duration = Duration::from_millis(50);
/// How long a burst of notifications may keep us from looking.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often we look without a notification.
const POLL: Duration = Duration::from_secs(30);

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
            () = self.notified.notified() => self.settled().await,
            () = tokio::time::sleep(POLL) => {}
        }
    }

    /// Waits until nothing was noticed for a moment: a file that is being written is not worth a look.
    async fn settled(&self) {
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience {
            tokio::select! {
                () = self.notified.notified() => {}
                () = tokio::time::sleep(SETTLE) => return,
            }
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
    use std::fs;

    use super::*;

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
            assert_eq!(fs::read_to_string(&file).unwrap(), "new");
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
        let text = || fs::read_to_string(at("rules.yaml")).unwrap();
        assert_eq!(text(), "..one");
        let watch = Watch::start(folder.path());
        symlink("..two", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
        assert_eq!(text(), "..two");
    }
}
