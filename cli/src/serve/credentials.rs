//! Name and secret of the instance: given, or saved in the data folder, or made up; and saved for the next time.

use std::fs::{self, DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use fusion_runtime::auth::{AdminKeys, InstanceSecret, Secrets};

use crate::failure::{Failure, Result};
use crate::output;

/// The name of an instance nobody named.
const DEFAULT_NAME: &str = "fusion";
/// The folder in the data folder, and the files in it: as the original's image lays them out.
const FOLDER: &str = "credentials";
const NAME_FILE: &str = "instance_name";
const SECRET_FILE: &str = "instance_secret";

/// Name and secret of an instance.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) instance_name: String,
    pub(crate) instance_secret: InstanceSecret,
    folder: PathBuf,
    /// Files that are not there or have other contents.
    unsaved: Vec<(&'static str, String)>,
}

impl Credentials {
    /// What is given, else what is saved in the data folder, else a default name and a new secret. Nothing is saved
    /// yet: the data folder may turn out to be somebody else's.
    pub(crate) fn load(data: &Path, name: Option<&str>, secret: Option<&str>) -> Result<Self> {
        let folder = data.join(FOLDER);
        let saved_name = read(&folder.join(NAME_FILE))?;
        let saved_secret = read(&folder.join(SECRET_FILE))?;
        let instance_name = name.or(saved_name.as_deref()).unwrap_or(DEFAULT_NAME).to_owned();
        check_name(&instance_name)?;
        let instance_secret = match (secret, &saved_secret) {
            (Some(secret), _) => parse_secret(secret, "pass another --instance-secret")?,
            (None, Some(secret)) => {
                let file = folder.join(SECRET_FILE);
                parse_secret(secret, &format!("put the secret back into {}", file.display()))?
            }
            (None, None) => InstanceSecret::generate(),
        };
        let hex = instance_secret.to_hex();
        if saved_secret.as_ref().is_some_and(|saved| *saved != hex) {
            output::talk(
                "The instance has a new secret: admin keys, cursors and upload URLs made before are void.",
            );
        }
        let unsaved = [(NAME_FILE, saved_name, instance_name.clone()), (SECRET_FILE, saved_secret, hex)]
            .into_iter()
            .filter_map(|(file, saved, value)| (saved.as_ref() != Some(&value)).then_some((file, value)))
            .collect();
        Ok(Self { instance_name, instance_secret, folder, unsaved })
    }

    /// What a server that ran on the data folder left there.
    pub(crate) fn saved(data: &Path) -> Result<Option<Self>> {
        let credentials = Self::load(data, None, None)?;
        Ok(credentials.unsaved.is_empty().then_some(credentials))
    }

    /// Saves what is not saved yet, for the next time.
    pub(crate) fn save(&mut self) -> Result {
        for (file, value) in std::mem::take(&mut self.unsaved) {
            create_folder(&self.folder)?;
            write_private(&self.folder.join(file), &value)?;
        }
        Ok(())
    }

    /// The keys the instance derives from its secret.
    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::new(self.instance_secret.clone())
    }

    /// The admin keys of the instance.
    pub(crate) fn admin_keys(&self) -> AdminKeys {
        AdminKeys::new(self.instance_name.clone(), self.secrets())
    }
}

/// A name must survive in an admin key and in a URL.
fn check_name(name: &str) -> Result {
    let valid = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if valid {
        return Ok(());
    }
    Err(Failure::usage(format!("the instance name {name:?} must be up to 64 letters, digits, '-' and '_'"))
        .hint("--instance-name my-app"))
}

fn parse_secret(text: &str, hint: &str) -> Result<InstanceSecret> {
    InstanceSecret::parse(text).map_err(|error| Failure::usage(error.message()).hint(hint))
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file(path, &error)),
    }
}

/// Makes a folder that only its owner can look into, if it is not there.
pub(super) fn create_folder(path: &Path) -> Result {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Failure::file(path, &error).hint("name another folder with --data-dir"))
}

/// Writes a file that only its owner can read. It is there whole or not at all.
pub(super) fn write_private(path: &Path, content: &str) -> Result {
    let temporary = path.with_added_extension("new");
    let write = || {
        // A leftover may have other permissions.
        let _ = fs::remove_file(&temporary);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| Failure::file(path, &error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> std::io::Result<u32> {
        Ok(fs::metadata(path)?.permissions().mode() & 0o777)
    }

    #[test]
    fn credentials_are_made_once_and_kept() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let load = |name, secret| -> Result<Credentials> {
            let mut credentials = Credentials::load(folder.path(), name, secret)?;
            credentials.save()?;
            Ok(credentials)
        };
        let first = load(None, None)?;
        assert_eq!(first.instance_name, "fusion");
        let again = load(None, None)?;
        assert_eq!(again.admin_keys().issue(), first.admin_keys().issue());
        assert_eq!(mode(&folder.path().join("credentials"))?, 0o700);
        assert_eq!(mode(&folder.path().join("credentials/instance_secret"))?, 0o600);
        assert!(Credentials::saved(folder.path())?.is_some());
        // What is given wins and is kept.
        let secret = "0".repeat(64);
        load(Some("carnitas"), Some(&secret))?;
        let kept = load(None, None)?;
        assert_eq!((kept.instance_name.as_str(), kept.instance_secret.to_hex()), ("carnitas", secret));
        Ok(())
    }

    #[test]
    fn unusable_credentials_are_refused() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        for (name, secret) in
            [(Some("a|b"), None), (Some(""), None), (Some("a:b"), None), (None, Some("abc"))]
        {
            assert!(Credentials::load(folder.path(), name, secret).is_err(), "{name:?} {secret:?}");
        }
        assert!(!folder.path().join("credentials").exists());
        assert!(Credentials::saved(folder.path()).is_ok_and(|saved| saved.is_none()));
        Ok(())
    }
}
