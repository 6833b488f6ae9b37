//! Private keys in files: PKCS#8 PEM, readable by their owner only (C17), behind a passphrase if wanted.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use jose::{EncryptedKeyError, KeyPair, KeyPairError, pem};
use thiserror::Error;
use zeroize::Zeroizing;

/// A key file is at most this long; everything larger is something else.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// Why a key file can not be used. No message holds its content.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// There is no such file.
    #[error("{path}: no such file")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{path}: {doing} failed")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A symbolic link: someone who may write the folder could point it elsewhere.
    #[error("{path}: is a symbolic link; name the file itself")]
    SymbolicLink {
        /// The link.
        path: PathBuf,
    },
    /// A folder, device or the like.
    #[error("{path}: is not a regular file")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Others may read or write the key.
    #[error(
        "{path}: mode {mode:03o} lets others use the key; chmod 600 it, or make a new key if they may have read it"
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to another user, who could change it.
    #[error("{path}: belongs to another user")]
    ForeignOwner {
        /// The file.
        path: PathBuf,
    },
    /// Not a private key in PEM.
    #[error("{path}: is not a private key in PEM form")]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KeyPairError,
    },
    /// The key is behind a passphrase, and none was given.
    #[error("{path}: the key is behind a passphrase")]
    PassphraseNeeded {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open the key.
    #[error("{path}: can not be opened with the passphrase")]
    Passphrase {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: EncryptedKeyError,
    },
    /// The file is not text, or too long.
    #[error("{path}: is not a PEM file")]
    NotText {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a key that is not encrypted.
///
/// # Errors
///
/// [`KeyStoreError`], also when the file is there but not for its owner alone.
pub fn load(path: &Path) -> Result<KeyPair, KeyStoreError> {
    load_with(path, None)
}

/// Reads a key, with `passphrase` if it is encrypted (PKCS#8 `ENCRYPTED PRIVATE KEY`).
///
/// # Errors
///
/// [`KeyStoreError`], also when the file is there but not for its owner alone.
pub fn load_with(path: &Path, passphrase: Option<&str>) -> Result<KeyPair, KeyStoreError> {
    let text = read_private(path)?;
    let not_a_key = |source| KeyStoreError::NotAKey { path: path.to_owned(), source };
    let blocks = pem::parse(&text).map_err(|error| not_a_key(error.into()))?;
    match (blocks.iter().find(|block| KeyPair::is_encrypted(block)), passphrase) {
        (None, _) => KeyPair::from_pkcs8_pem(&text).map_err(not_a_key),
        (Some(_), None) => Err(KeyStoreError::PassphraseNeeded { path: path.to_owned() }),
        (Some(block), Some(passphrase)) => KeyPair::from_encrypted_pem_block(block, passphrase)
            .map_err(|source| KeyStoreError::Passphrase { path: path.to_owned(), source }),
    }
}

/// Reads any secret text that is for its owner alone, as [`load`] does.
///
/// # Errors
///
/// [`KeyStoreError`].
pub fn read_private(path: &Path) -> Result<Zeroizing<String>, KeyStoreError> {
    let file = open_without_links(path)?;
    check_owner_and_mode(path, &file)?;
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_KEY_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|_| KeyStoreError::NotText { path: path.to_owned() })?;
    if text.len() as u64 > MAX_KEY_FILE_BYTES {
        return Err(KeyStoreError::NotText { path: path.to_owned() });
    }
    Ok(text)
}

/// Writes a key with mode 0600, replacing the file at once or not at all. Missing folders are made for the owner only.
///
/// # Errors
///
/// [`KeyStoreError`] when a folder or file can not be written.
pub fn save(path: &Path, key: &KeyPair) -> Result<(), KeyStoreError> {
    save_with(path, key, None)
}

/// As [`save`]; encrypted when there is a passphrase.
///
/// # Errors
///
/// [`KeyStoreError`] when a folder or file can not be written.
pub fn save_with(path: &Path, key: &KeyPair, passphrase: Option<&str>) -> Result<(), KeyStoreError> {
    let text = match passphrase {
        None => {
            key.to_pkcs8_pem().map_err(|source| KeyStoreError::NotAKey { path: path.to_owned(), source })?
        }
        Some(passphrase) => key
            .to_encrypted_pkcs8_pem(passphrase)
            .map_err(|source| KeyStoreError::Passphrase { path: path.to_owned(), source })?,
    };
    write_private(path, text.as_bytes())
}

/// Writes any secret file as [`save`] does: mode 0600, replaced at once.
///
/// # Errors
///
/// [`KeyStoreError::Io`] when a folder or file can not be written.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), KeyStoreError> {
    let failed = |doing| move |source| KeyStoreError::Io { path: path.to_owned(), doing, source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_folder_builder().recursive(true).create(folder).map_err(failed("making its folder"))?;
    // A fresh name that nobody can have put there before, then one rename: a reader sees the old key or the new one.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = folder.join(format!(".{name}.{}", dpop::fresh_jti()));
    let mut file = private_options().open(&fresh).map_err(failed("creating it"))?;
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        // The first error is the one to report; a left-over is a private file with a dot name.
        drop(fs::remove_file(&fresh));
    }
    written.map_err(failed("writing it"))
}

fn io_error(path: &Path, doing: &'static str, source: io::Error) -> KeyStoreError {
    if source.kind() == io::ErrorKind::NotFound {
        KeyStoreError::Missing { path: path.to_owned() }
    } else {
        KeyStoreError::Io { path: path.to_owned(), doing, source }
    }
}

#[cfg(unix)]
fn private_folder_builder() -> fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(unix)]
fn private_options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(unix)]
fn open_without_links(path: &Path) -> Result<File, KeyStoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    // NONBLOCK: a pipe put in the key's place must not make us wait.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
            KeyStoreError::SymbolicLink { path: path.to_owned() }
        } else {
            io_error(path, "opening it", source)
        }
    })
}

#[cfg(unix)]
fn check_owner_and_mode(path: &Path, file: &File) -> Result<(), KeyStoreError> {
    use std::os::unix::fs::MetadataExt;
    // Of the open file, not of the path: what is checked is what is read.
    let metadata = file.metadata().map_err(|source| io_error(path, "looking at it", source))?;
    if !metadata.is_file() {
        return Err(KeyStoreError::NotAFile { path: path.to_owned() });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeyStoreError::ForeignOwner { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyStoreError::TooOpen { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn private_folder_builder() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

#[cfg(not(unix))]
fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

#[cfg(not(unix))]
fn open_without_links(path: &Path) -> Result<File, KeyStoreError> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(KeyStoreError::SymbolicLink { path: path.to_owned() });
    }
    File::open(path).map_err(|source| io_error(path, "opening it", source))
}

/// Files inherit the access list of the user's folder here; there are no mode bits to look at.
#[cfg(not(unix))]
fn check_owner_and_mode(path: &Path, file: &File) -> Result<(), KeyStoreError> {
    let metadata = file.metadata().map_err(|source| io_error(path, "looking at it", source))?;
    if metadata.is_file() { Ok(()) } else { Err(KeyStoreError::NotAFile { path: path.to_owned() }) }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use jose::Algorithm;

    use super::*;

    fn saved_key() -> (tempfile::TempDir, PathBuf, KeyPair) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/key.pem");
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        save(&path, &key).unwrap();
        (folder, path, key)
    }

    #[test]
    fn c17_reads_what_it_wrote() {
        let (_folder, path, key) = saved_key();
        assert_eq!(load(&path).unwrap().thumbprint(), key.thumbprint());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let folder_mode = fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(folder_mode & 0o777, 0o700);
    }

    #[test]
    fn a_passphrase_protects_the_key() {
        let (_folder, path, key) = saved_key();
        save_with(&path, &key, Some("correct horse")).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("ENCRYPTED PRIVATE KEY"));
        assert!(matches!(load(&path), Err(KeyStoreError::PassphraseNeeded { .. })));
        assert!(matches!(load_with(&path, Some("wrong")), Err(KeyStoreError::Passphrase { .. })));
        assert_eq!(load_with(&path, Some("correct horse")).unwrap().thumbprint(), key.thumbprint());
    }

    #[test]
    fn replaces_an_earlier_key_and_leaves_nothing_beside_it() {
        let (_folder, path, first) = saved_key();
        let second = KeyPair::generate(Algorithm::Ed25519).unwrap();
        save(&path, &second).unwrap();
        assert_ne!(load(&path).unwrap().thumbprint(), first.thumbprint());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn c17_refuses_files_that_others_can_read_or_write() {
        let (_folder, path, _) = saved_key();
        for mode in [0o640, 0o604, 0o620, 0o601, 0o777] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(load(&path), Err(KeyStoreError::TooOpen { mode: found, .. }) if found == mode));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(load(&path).is_ok());
    }

    #[test]
    fn c17_refuses_symbolic_links() {
        let (_folder, path, _) = saved_key();
        let link = path.with_file_name("link.pem");
        symlink(&path, &link).unwrap();
        assert!(matches!(load(&link), Err(KeyStoreError::SymbolicLink { .. })));
        // Writing replaces the link and leaves its target alone.
        let before = fs::read(&path).unwrap();
        save(&link, &KeyPair::generate(Algorithm::Es256).unwrap()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(load(&link).is_ok());
    }

    #[test]
    fn c17_refuses_files_of_other_users() {
        if !rustix::process::geteuid().is_root() {
            return; // Only root can give files away.
        }
        let (_folder, path, _) = saved_key();
        std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
        assert!(matches!(load(&path), Err(KeyStoreError::ForeignOwner { .. })));
    }

    #[test]
    fn refuses_what_is_no_key_without_showing_it() {
        let (folder, path, _) = saved_key();
        assert!(matches!(load(folder.path()), Err(KeyStoreError::NotAFile { .. })));
        assert!(matches!(load(&path.with_file_name("none.pem")), Err(KeyStoreError::Missing { .. })));
        write_private(&path, b"secret text").unwrap();
        let error = load(&path).unwrap_err();
        assert!(matches!(error, KeyStoreError::NotAKey { .. }));
        assert!(!format!("{error:?} {error}").contains("secret text"));
        write_private(&path, &[0xff; 10]).unwrap();
        assert!(matches!(load(&path), Err(KeyStoreError::NotText { .. })));
    }
}
