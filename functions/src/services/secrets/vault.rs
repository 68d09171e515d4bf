//! [`LocalVault`]: secrets in files beside the data, encrypted with a key of their own.
//!
//! The key is made with the first secret and lies in the file `key`, which only its owner can read; a key that others
//! can read is refused. Each secret is one file, named by the SHA-256 of the secret's name and encrypted with
//! AES-256-GCM-SIV for this name: files that were swapped, changed or made with another key are noticed. A secret is
//! replaced whole or not at all.
//!
//! Deliberately absent: protection from whoever can read the whole folder. It keeps secrets out of the database,
//! its exports and its backups.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fusion_runtime::auth::{InstanceSecret, Purpose, Secrets as Keys};
use fusion_runtime::clock::random_bytes;
use fusion_runtime::{Error, Result};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::{SecretStore, StoreFuture};

const KEY_FILE: &str = "key";

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct LocalVault {
    place: Arc<Place>,
}

#[derive(Debug)]
enum Place {
    /// For tests: gone with the process.
    Memory(Mutex<BTreeMap<String, String>>),
    Folder(Folder),
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// The key once it was read or made; also keeps two from making one.
    keys: Mutex<Option<Keys>>,
}

impl Default for LocalVault {
    fn default() -> Self {
        Self { place: Arc::new(Place::Memory(Mutex::default())) }
    }
}

impl LocalVault {
    /// The vault in this folder.
    pub(super) fn in_folder(path: PathBuf) -> Self {
        Self { place: Arc::new(Place::Folder(Folder { path, keys: Mutex::default() })) }
    }

    /// Files are touched on a thread that may wait for the disk.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Place) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.place.clone();
        tokio::task::spawn_blocking(move || work(&place))
            .await
            .map_err(|error| Error::internal("the vault's work was cut off").with_source(error))?
    }
}

impl SecretStore for LocalVault {
    fn get<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>> {
        let name = name.to_owned();
        Box::pin(self.on_disk(move |place| match place {
            Place::Memory(secrets) => Ok(secrets.lock().get(&name).cloned()),
            Place::Folder(folder) => folder.get(&name),
        }))
    }

    fn put<'a>(&'a self, name: &'a str, secret: &'a str) -> StoreFuture<'a, ()> {
        let (name, secret) = (name.to_owned(), secret.to_owned());
        Box::pin(self.on_disk(move |place| match place {
            Place::Memory(secrets) => {
                secrets.lock().insert(name, secret);
                Ok(())
            }
            Place::Folder(folder) => folder.put(&name, &secret),
        }))
    }

    fn remove<'a>(&'a self, name: &'a str) -> StoreFuture<'a, ()> {
        let name = name.to_owned();
        Box::pin(self.on_disk(move |place| match place {
            Place::Memory(secrets) => {
                secrets.lock().remove(&name);
                Ok(())
            }
            Place::Folder(folder) => folder.remove(&name),
        }))
    }
}

impl Folder {
    fn file(&self, name: &str) -> PathBuf {
        let digest = Sha256::digest(name.as_bytes());
        self.path.join(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    fn get(&self, name: &str) -> Result<Option<String>> {
        let path = self.file(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &error)),
        };
        let keys = self.keys(false)?;
        let secret = keys.and_then(|keys| keys.decrypt(Purpose::Vault, name, &bytes));
        let secret = secret.and_then(|secret| String::from_utf8(secret).ok()).ok_or_else(|| {
            Error::internal(format!(
                "a secret in the vault was changed or made with another key; put the vault's former `{KEY_FILE}` back, or store the secret again"
            ))
        })?;
        Ok(Some(secret))
    }

    fn put(&self, name: &str, secret: &str) -> Result<()> {
        let keys = self.keys(true)?.ok_or_else(|| Error::internal("the vault has no key"))?;
        let bytes = keys.encrypt(Purpose::Vault, name, secret.as_bytes())?;
        write(&self.path, &self.file(name), &bytes).map_err(|error| failed("written", &error))
    }

    fn remove(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.file(name)) {
            Ok(()) => sync(&self.path).map_err(|error| failed("written", &error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("written", &error)),
        }
    }

    /// The key; if there is none, a new one where it is wanted.
    fn keys(&self, wanted: bool) -> Result<Option<Keys>> {
        let mut keys = self.keys.lock();
        if keys.is_none() {
            *keys = self.load_key(wanted)?;
        }
        Ok(keys.clone())
    }

    fn load_key(&self, wanted: bool) -> Result<Option<Keys>> {
        let path = self.path.join(KEY_FILE);
        match fs::metadata(&path) {
            Ok(metadata) => {
                if metadata.permissions().mode() & 0o077 != 0 {
                    return Err(Error::internal(format!(
                        "the vault's key can be read by others; run: chmod 600 {}",
                        path.display()
                    )));
                }
                let text = fs::read_to_string(&path).map_err(|error| failed("read", &error))?;
                Ok(Some(Keys::new(InstanceSecret::parse(&text)?)))
            }
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("read", &error)),
            Err(_) if !wanted => Ok(None),
            Err(_) => {
                let secret = InstanceSecret::generate();
                self.make()
                    .and_then(|()| write(&self.path, &path, secret.to_hex().as_bytes()))
                    .map_err(|error| failed("written", &error))?;
                Ok(Some(Keys::new(secret)))
            }
        }
    }

    fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)
    }
}

/// Writes a file that only its owner can read; it is there whole, and on the disk, or not at all.
fn write(folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let number = u64::from_le_bytes(random_bytes());
    let temporary = path.with_added_extension(format!("{number:x}.new"));
    let written = || {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync(folder)
    };
    written().inspect_err(|_| drop(fs::remove_file(&temporary)))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn failed(what: &str, error: &io::Error) -> Error {
    Error::internal(format!("the vault could not be {what}")).with_source(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(vault: &LocalVault, name: &str) -> Option<String> {
        vault.get(name).await.unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn secrets_are_kept_replaced_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        for vault in [LocalVault::default(), LocalVault::in_folder(folder.path().join("vault"))] {
            assert_eq!(get(&vault, "tenant/a/vapi").await, None);
            vault.remove("tenant/a/vapi").await.unwrap();
            vault.put("tenant/a/vapi", "one").await.unwrap();
            vault.put("tenant/A/vapi", "other").await.unwrap();
            vault.put("tenant/a/vapi", "two").await.unwrap();
            assert_eq!(get(&vault, "tenant/a/vapi").await.as_deref(), Some("two"));
            vault.remove("tenant/a/vapi").await.unwrap();
            assert_eq!(get(&vault, "tenant/a/vapi").await, None);
            assert_eq!(get(&vault, "tenant/A/vapi").await.as_deref(), Some("other"));
        }
    }

    #[tokio::test]
    async fn nothing_on_the_disk_shows_a_secret_or_its_name_and_only_the_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/vault");
        assert_eq!(get(&LocalVault::in_folder(path.clone()), "name").await, None);
        assert!(!path.exists(), "looking for a secret makes no vault");
        LocalVault::in_folder(path.clone()).put("tenant/org/vapi", "sk-in-the-clear").await.unwrap();
        assert_eq!(mode(&path), 0o700);
        let mut count = 0;
        for entry in fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
            let content = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
            for text in ["clear", "org", "vapi"] {
                assert!(!content.contains(text) && !format!("{entry:?}").contains(&format!("tenant/{text}")));
            }
            count += 1;
        }
        assert_eq!(count, 2, "the key and one secret");
        let again = LocalVault::in_folder(path.clone());
        assert_eq!(get(&again, "tenant/org/vapi").await.as_deref(), Some("sk-in-the-clear"));
    }

    #[tokio::test]
    async fn what_was_changed_or_made_with_another_key_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let open = || LocalVault::in_folder(folder.path().to_owned());
        open().put("a", "secret a").await.unwrap();
        open().put("b", "secret b").await.unwrap();
        let place = Folder { path: folder.path().to_owned(), keys: Mutex::default() };
        let (a, b) = (place.file("a"), place.file("b"));
        let (content_a, content_b) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());

        fs::write(&a, &content_b).unwrap();
        assert!(open().get("a").await.is_err(), "swapped");
        for index in 0..content_a.len() {
            let mut changed = content_a.clone();
            changed[index] ^= 1;
            fs::write(&a, &changed).unwrap();
            assert!(open().get("a").await.is_err(), "byte {index}");
        }
        fs::write(&a, &content_a[..content_a.len() / 2]).unwrap();
        assert!(open().get("a").await.is_err(), "cut");
        fs::write(&a, &content_a).unwrap();
        assert!(open().get("a").await.is_ok());

        let key = folder.path().join(KEY_FILE);
        let content = fs::read(&key).unwrap();
        fs::write(&key, "0".repeat(64)).unwrap();
        assert!(open().get("a").await.is_err(), "another key");
        fs::write(&key, "not a key").unwrap();
        assert!(open().put("a", "new").await.is_err(), "no key");
        fs::write(&key, content).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(open().get("a").await.is_err(), "a key that others can read");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(open().get("a").await.unwrap().as_deref(), Some("secret a"));
    }
}
