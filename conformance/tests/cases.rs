//! The committed cases: recordings of SQLAlchemy's answers, with which entail must agree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of cases.
fn files() -> Vec<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let entries = fs::read_dir(place).expect("there are cases");
    let paths = entries.map(|entry| entry.expect("the directory can be read").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|one| one == "jsonl")).collect();
    files.sort();
    files
}

#[test]
fn entail_agrees_with_all_committed_cases() {
    let mut cases = 0;
    for file in files() {
        let text = fs::read_to_string(&file).expect("the file can be read");
        cases += text.lines().filter(|line| !line.trim().is_empty()).count();
        for deletes_load in ["at-once", "in-the-flush"] {
            let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
                .args(["check", "--deletes-load", deletes_load])
                .arg(&file)
                .output()
                .expect("the runner starts");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{}, {deletes_load}: {said}", file.display());
        }
    }
    assert!(cases >= 1000, "{cases} cases are fewer than there should be");
}

#[test]
fn a_case_with_another_answer_is_a_difference() {
    let file = files().into_iter().next().expect("there is a file of cases");
    let text = fs::read_to_string(file).expect("the file can be read");
    let case =
        text.lines().find(|line| line.contains("\"persistent\"")).expect("an object is saved");
    let wrong = case.replace("\"persistent\"", "\"transient\"");
    let place = tempfile::tempdir().expect("there is room for a file");
    let path = place.path().join("wrong.jsonl");
    fs::write(&path, wrong).expect("the file can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .arg("check")
        .arg(&path)
        .output()
        .expect("the runner starts");
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
