//! The content type of an object nobody said one for.

use std::path::Path;

/// By the extension of the key, which is the name readers see, else of the file; `None` for one that nobody knows.
///
/// It is guessed once, when the upload begins, and then stands in the checkpoint's headers like any other.
pub(crate) fn guess(key: &str, file: &Path) -> Option<&'static str> {
    let by_key = mime_guess::from_path(key.rsplit('/').next().unwrap_or(key)).first_raw();
    by_key.or_else(|| mime_guess::from_path(file).first_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_counts_before_the_file_and_an_unknown_name_has_no_type() {
        let guess = |key: &str, file: &str| guess(key, Path::new(file));
        assert_eq!(guess("a/page.html", "x.txt"), Some("text/html"));
        assert_eq!(guess("PHOTO.JPG", "x"), Some("image/jpeg"));
        assert_eq!(guess("backup/today", "db.json"), Some("application/json"));
        assert_eq!(guess("photos.png/today", "x"), None, "a folder is no file");
        assert_eq!(guess("backup/today", "db.unheard-of"), None);
        assert_eq!(guess(".png", ".html"), None, "a name that is only hidden");
        assert_eq!(guess("dir/", "a.css"), Some("text/css"));
    }
}
