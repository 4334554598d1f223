use super::{Profile, aliyun, ossutil};
use crate::credentials::CredentialsError;
use crate::credentials::variables::Variables;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// No profile file is larger; anything bigger is not one.
const MAX_FILE: u64 = 1 << 20;

/// A profile, and the file it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::credentials) struct Found {
    pub(in crate::credentials) file: PathBuf,
    pub(in crate::credentials) profile: Profile,
    /// The file can be read by others: what to say, and what to type.
    pub(in crate::credentials) warning: Option<String>,
}

/// The profile that is `asked` for, or the default one, of `file`, or of ossutil's and then the Alibaba Cloud CLI's.
///
/// Without a name, a profile without credentials is passed over for one of the next file that has some; what the first
/// one says of region and endpoint is then lost, since it may belong to another account. `seen` takes one line for
/// each file: what was found there.
///
/// # Errors
/// [`CredentialsError::Invalid`]: a file is broken; a name or a file was asked for and is not there.
pub(in crate::credentials) fn find(
    variables: &Variables,
    file: Option<&Path>,
    asked: Option<&str>,
    seen: &mut Vec<String>,
) -> Result<Option<Found>, CredentialsError> {
    let places = match file {
        Some(file) => vec![(file.to_owned(), asked.map(str::to_owned))],
        None => usual(variables, asked),
    };
    let mut settings = None;
    for (path, name) in places {
        let Some(Loaded { text, warning }) = load(&path)? else {
            let words = format!("{} (not there)", path.display());
            if file.is_none() && variables.get("OSSUTIL_CONFIG_FILE").is_some_and(|named| path == Path::new(&named)) {
                return Err(CredentialsError::Invalid(format!("OSSUTIL_CONFIG_FILE names {words}")));
            }
            seen.push(words);
            continue;
        };
        let read = if text.trim_start().starts_with('{') { aliyun::read } else { ossutil::read };
        let broken = |words| CredentialsError::Invalid(format!("{} cannot be used: {words}", path.display()));
        match read(&text, name.as_deref()).map_err(broken)? {
            Some(profile) if profile.recipe.is_some() || name.is_some() => {
                return Ok(Some(Found { file: path, profile, warning }));
            }
            Some(profile) => {
                seen.push(format!("{} (no key in profile {})", path.display(), profile.name));
                settings = settings.or(Some(Found { file: path, profile, warning }));
            }
            None => {
                let words = format!("{} (no profile {})", path.display(), name.as_deref().unwrap_or("default"));
                if asked.is_none() && name.is_some() {
                    // Its tool's own variable named it for this file.
                    return Err(CredentialsError::Invalid(format!("the profile of the environment is not in {words}")));
                }
                seen.push(words);
            }
        }
    }
    match (file, asked) {
        (None, None) => Ok(settings),
        (_, Some(name)) => Err(CredentialsError::Invalid(format!("there is no profile {name}: {}", seen.join(", ")))),
        (Some(_), None) if settings.is_some() => Ok(settings),
        (Some(_), None) => Err(CredentialsError::Invalid(format!("there are no credentials in {}", seen.join(", ")))),
    }
}

/// The files of both tools, each with the name its own variable asks for when none is given.
fn usual(variables: &Variables, name: Option<&str>) -> Vec<(PathBuf, Option<String>)> {
    let named = |variable: &str| name.map(str::to_owned).or_else(|| variables.get(variable));
    let home = variables.home();
    let ossutil = variables.get("OSSUTIL_CONFIG_FILE").map(PathBuf::from);
    let ossutil = ossutil.or_else(|| Some(home.as_ref()?.join(".ossutilconfig")));
    let aliyun = home.filter(|_| !variables.is_true("ALIBABA_CLOUD_CLI_PROFILE_DISABLED"));
    let aliyun = aliyun.map(|home| home.join(".aliyun").join("config.json"));
    let places = [ossutil.zip(Some(named("OSSUTIL_PROFILE"))), aliyun.zip(Some(named("ALIBABA_CLOUD_PROFILE")))];
    places.into_iter().flatten().collect()
}

struct Loaded {
    text: Zeroizing<String>,
    /// What is to be said of its permissions.
    warning: Option<String>,
}

/// `None` when there is no such file.
fn load(path: &Path) -> Result<Option<Loaded>, CredentialsError> {
    let broken = |error: std::io::Error| {
        CredentialsError::Invalid(format!("the profile file {} cannot be read: {error}", path.display()))
    };
    let facts = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        facts => facts.map_err(broken)?,
    };
    if !facts.is_file() || facts.len() > MAX_FILE {
        return Err(broken(std::io::Error::other("it is no file of at most 1 MiB")));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(broken)?);
    Ok(Some(Loaded { text, warning: permissions(path, &facts) }))
}

#[cfg(unix)]
fn permissions(path: &Path, facts: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    (facts.permissions().mode() & 0o077 != 0).then(|| {
        let path = path.display();
        format!("{path} holds access keys and is open to other users of this machine: chmod 600 {path}")
    })
}

#[cfg(not(unix))]
fn permissions(_: &Path, _: &std::fs::Metadata) -> Option<String> {
    None
}
