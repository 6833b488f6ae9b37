//! When to look at a file or folder again.
//!
//! The folder is watched, not the files: editors replace files by renaming, and Kubernetes swaps a symbolic link. A
//! notification only says *look*; whether anything changed is decided by the contents. Every 30 seconds we look anyway,
//! for file systems that do not notify.
//!
//! A file that somebody still writes is not looked at: the first half of a rule file can be a rule file too, one without the
//! step that refuses. Where the system tells when a writer closes a file (Linux does), that is what counts, and elsewhere a
//! moment without a change.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{
    Event, EventKind, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind},
};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

/// How long nothing must be noticed before we look.
const SETTLE: Duration = Duration::from_millis(50);
/// How long a burst of notifications may keep us from looking.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often we look without a notification, and how long a writer may keep us from looking.
const POLL: Duration = Duration::from_secs(30);

/// Says when to look at a file or folder again.
pub(crate) struct Watch {
    noticed: Arc<Noticed>,
    /// Ends the watch when dropped. `None` where the system has no notifications: then there is only the poll.
    _watcher: Option<notify::RecommendedWatcher>,
}

/// What the system told about the folder.
#[derive(Default)]
struct Noticed {
    something: Notify,
    /// Files that were written to since somebody opened them.
    being_written: Mutex<HashSet<PathBuf>>,
}

impl Watch {
    /// Begins to watch the folder, or the folder that the file is in.
    pub(crate) fn start(source: &Path) -> Self {
        let noticed = Arc::new(Noticed::default());
        let watcher = watch_folder(source, Arc::clone(&noticed));
        if let Err(error) = &watcher {
            tracing::warn!(path = %source.display(), %error, "no change notifications, looking every 30 seconds");
        }
        Self { noticed, _watcher: watcher.ok() }
    }

    /// Resolves when it is time to look.
    pub(crate) async fn changed(&self) {
        tokio::select! {
            () = self.noticed.something.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
        self.settled().await;
    }

    /// Waits until nothing was noticed for a moment and nobody writes.
    async fn settled(&self) {
        let start = Instant::now();
        loop {
            let is_quiet = tokio::select! {
                () = self.noticed.something.notified() => false,
                () = tokio::time::sleep(SETTLE) => true,
            };
            let is_written = !self.noticed.being_written.lock().is_empty();
            let patience = if is_written { POLL } else { PATIENCE };
            if (is_quiet && !is_written) || start.elapsed() >= patience {
                return;
            }
        }
    }
}

impl Noticed {
    fn take(&self, event: Event) {
        let mut being_written = self.being_written.lock();
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) if TELLS_OF_CLOSING => being_written.extend(event.paths),
            EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Remove(_)
            | EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                for path in &event.paths {
                    being_written.remove(path);
                }
            }
            // Reading the files makes access events of its own.
            EventKind::Access(_) => return,
            EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => {}
        }
        drop(being_written);
        self.something.notify_one();
    }

    /// The system may have told something that did not reach us.
    fn lose(&self) {
        self.being_written.lock().clear();
        self.something.notify_one();
    }
}

/// Whether the system tells when a file that was open for writing is closed.
const TELLS_OF_CLOSING: bool = cfg!(target_os = "linux");

fn watch_folder(source: &Path, noticed: Arc<Noticed>) -> notify::Result<notify::RecommendedWatcher> {
    let folder = if source.is_dir() { source } else { parent(source) };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
        Ok(event) if !event.need_rescan() => noticed.take(event),
        Ok(_) | Err(_) => noticed.lose(),
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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_file_that_is_being_written_is_not_worth_a_look() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::start(folder.path());
        let mut writer = fs::File::create(folder.path().join("rules.yaml")).unwrap();
        writer.write_all(b"half").unwrap();
        assert!(tokio::time::timeout(SETTLE * 10, watch.changed()).await.is_err());
        drop(writer);
        tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();

        // A writer that renames or deletes its file ends nothing for others.
        for end in
            [|path: &Path| fs::remove_file(path), |path: &Path| fs::rename(path, path.with_extension("kept"))]
        {
            let path = folder.path().join("rules.tmp");
            let mut writer = fs::File::create(&path).unwrap();
            writer.write_all(b"half").unwrap();
            assert!(tokio::time::timeout(SETTLE * 10, watch.changed()).await.is_err());
            end(&path).unwrap();
            tokio::time::timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
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
