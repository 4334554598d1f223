use super::*;
use oss_proto::{Bucket, Key, ObjectHeaders};

fn job() -> Job {
    Job {
        endpoint: "https://oss-cn-hangzhou.aliyuncs.com".into(),
        region: "cn-hangzhou".into(),
        bucket: Bucket::new("photos").unwrap(),
        key: Key::new("a/b").unwrap(),
        headers: ObjectHeaders::new(),
    }
}

fn choose(file: &Path, given: Option<&Path>, state: Option<&Path>) -> Result<Places, PlaceError> {
    Places::choose(file, &job(), given, || state.map(Path::to_owned))
}

/// Nothing can be created in what is a file, whoever tries, root also.
fn not_a_directory(scratch: &Path) -> PathBuf {
    let path = scratch.join("file");
    fs::write(&path, "").unwrap();
    path
}

#[test]
fn places_that_are_not_tried_are_the_same_and_nothing_is_created_there() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("photo.raw");
    let untried = Places::untried(&file, &job()).unwrap();
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    assert_eq!(untried[0], choose(&file, None, None).unwrap()[0]);
    assert!(untried.writable().is_some() && untried.len() == 1, "no checkpoint of it is in the state directory");
    assert!(matches!(Places::untried(Path::new("/"), &job()), Err(PlaceError::NotAFile(_))));
}

#[test]
fn names_stay_what_they_are() {
    let file = Path::new("/data/photo.raw");
    assert_eq!(name_beside(file, &job()), GOLDEN_BESIDE);
    assert_eq!(name_shared(file, &job()), GOLDEN_SHARED);
    let mut other = job();
    (other.region, other.headers) = ("cn-beijing".into(), ObjectHeaders::new());
    assert_eq!(name_beside(file, &other), GOLDEN_BESIDE, "the target is endpoint, bucket and key");
    other.key = Key::new("a/c").unwrap();
    assert_ne!(name_beside(file, &other), GOLDEN_BESIDE);
    assert_ne!(name_shared(file, &other), GOLDEN_SHARED);
    assert_eq!(name_beside(Path::new("/moved/photo.raw"), &job()), GOLDEN_BESIDE);
    assert_ne!(name_shared(Path::new("/moved/photo.raw"), &job()), GOLDEN_SHARED);
}

/// Worked out by another program from the words of `FORMAT.md`; a later release must find what this one left.
const GOLDEN_BESIDE: &str = ".photo.raw.4ee22052de9084c1.ossck";
const GOLDEN_SHARED: &str = "68606f22db373bfbe86b4c9852b42482.ossck";

#[test]
fn long_names_are_hashed_so_that_all_files_fit_255_bytes() {
    for len in [1, 180, 181, 255] {
        let name = name_beside(&Path::new("/data").join("n".repeat(len)), &job());
        assert_eq!(name.contains(&"n".repeat(len)), len <= 180, "{name}");
        assert!(name.len() + ".lock".len() <= 255 && is_checkpoint_name(&name), "{name}");
    }
    let name = |len| name_beside(&Path::new("/data").join("n".repeat(len)), &job());
    assert_ne!(name(200), name(201));
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf_8_are_hashed() {
    use std::os::unix::ffi::OsStrExt;
    let file = |bytes| Path::new("/data").join(std::ffi::OsStr::from_bytes(bytes));
    let (one, other) = (name_beside(&file(b"a\xff"), &job()), name_beside(&file(b"a\xfe"), &job()));
    assert_ne!(one, other);
    assert!(is_checkpoint_name(&one) && is_checkpoint_name(&other));
}

#[test]
fn a_walk_knows_all_files_of_a_checkpoint_and_no_others() {
    for name in [GOLDEN_BESIDE, GOLDEN_SHARED, "..hidden.0123456789abcdef.ossck", ".a b.é.0123456789abcdef.ossck"] {
        assert!(is_checkpoint_name(name), "{name}");
        for end in BESIDE {
            assert!(is_checkpoint_name(&format!("{name}{end}")), "{name}{end}");
        }
        assert!(!is_checkpoint_name(&format!("{name}.txt")));
        assert!(!is_checkpoint_name(&format!("x{name}")));
    }
    for name in ["", ".ossck", "a.ossck", "photo.raw", ".0123456789abcdef.ossck", "..0123456789abcdef.ossck"] {
        assert!(!is_checkpoint_name(name), "{name}");
    }
    assert!([DIRECTORY_LOCK, PROBE].into_iter().all(is_checkpoint_name));
    assert!(!is_checkpoint_name(".a.0123456789ABCDEF.ossck"));
    assert!(!is_checkpoint_name(".a.0123456789abcde.ossck"));
}

#[test]
fn beside_the_file_comes_first_and_the_state_directory_is_not_made_for_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let (file, state) = (scratch.path().join("photo.raw"), scratch.path().join("state/oss"));
    let places = choose(&file, None, Some(&state)).unwrap();
    assert_eq!(places.len(), 1);
    assert_eq!(places.writable(), Some(&places[0]));
    assert_eq!(places[0].path(), scratch.path().join(GOLDEN_BESIDE));
    assert!(!state.exists());
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "trying leaves nothing");

    fs::create_dir_all(&state).unwrap();
    let places = choose(&file, None, Some(&state)).unwrap();
    let kinds: Vec<_> = places.iter().map(|place| place.kind).collect();
    assert_eq!(kinds, [PlaceKind::BesideFile, PlaceKind::UserState], "both are searched");
    assert_eq!(places.writable().unwrap().kind, PlaceKind::BesideFile);
}

#[test]
fn without_room_beside_the_file_the_state_directory_is_made_and_said() {
    let scratch = tempfile::tempdir().unwrap();
    let file = not_a_directory(scratch.path()).join("photo.raw");
    let state = scratch.path().join("state/oss");
    let places = choose(&file, None, Some(&state)).unwrap();
    assert!(places[0].words().starts_with("no checkpoint can be kept in the directory of the file"));
    let place = places.writable().unwrap();
    assert_eq!((place.kind, &place.dir), (PlaceKind::UserState, &state));
    assert_eq!(place.words(), format!("the checkpoint is kept in the user's state directory, {state:?}"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[test]
fn without_any_place_none_is_writable() {
    let scratch = tempfile::tempdir().unwrap();
    let nowhere = not_a_directory(scratch.path());
    let places = choose(&nowhere.join("photo.raw"), None, Some(&nowhere.join("oss"))).unwrap();
    assert_eq!((places.len(), places.writable()), (2, None));
    let places = choose(&nowhere.join("photo.raw"), None, None).unwrap();
    assert_eq!((places.len(), places.writable()), (1, None));
}

#[test]
fn a_given_directory_is_made_or_refused_and_is_the_only_place() {
    let scratch = tempfile::tempdir().unwrap();
    let (file, given) = (scratch.path().join("photo.raw"), scratch.path().join("a/b"));
    let places = choose(&file, Some(&given), Some(scratch.path())).unwrap();
    assert_eq!(places.len(), 1);
    assert_eq!((places[0].kind, &places[0].dir), (PlaceKind::Given, &given));
    places[0].store().lock().unwrap().release();

    let unusable = not_a_directory(scratch.path());
    assert!(matches!(choose(&file, Some(&unusable), None), Err(PlaceError::Unusable { dir, .. }) if dir == unusable));
    assert!(matches!(choose(Path::new("/"), None, None), Err(PlaceError::NotAFile(_))));
}

#[cfg(all(unix, not(target_os = "macos")))]
#[test]
fn the_state_directory_is_where_xdg_says() {
    let found = |xdg: Option<&str>, home: Option<&str>| {
        state_dir(&|name| match name {
            "XDG_STATE_HOME" => xdg.map(OsString::from),
            "HOME" => home.map(OsString::from),
            _ => None,
        })
    };
    assert_eq!(found(Some("/x"), Some("/home/kim")), Some("/x/oss".into()));
    assert_eq!(found(None, Some("/home/kim")), Some("/home/kim/.local/state/oss".into()));
    assert_eq!(found(Some("relative"), Some("/home/kim")), Some("/home/kim/.local/state/oss".into()));
    assert_eq!(found(Some(""), None), None);
}
