//! Two boundaries between the modules: only `http` knows ureq, and `http` knows nothing of Gong.

use std::fs;
use std::path::Path;

/// Calls `check` with each line of code below this folder of `src`.
fn each_line(folder: &Path, check: &dyn Fn(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_line(&path, check);
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            let (code, _) = line.split_once("//").unwrap_or((line, ""));
            check(&path, code);
        }
    }
}

#[test]
fn only_http_knows_ureq_and_http_knows_nothing_of_gong() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let http = src.join("http");
    each_line(&src, &|path, code| {
        let is_leak = code.contains("ureq::") && !path.starts_with(&http);
        assert!(!is_leak, "{}: {code}", path.display());
    });
    each_line(&http, &|path, code| {
        let is_leak = code.contains("crate::") || code.to_ascii_lowercase().contains("gong");
        assert!(!is_leak, "{}: {code}", path.display());
    });
}
