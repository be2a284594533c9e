//! Judges every file of a folder: `cargo run -p iam --example lint -- FOLDER`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

use diagnostics::{Diagnostics, SourceMap};

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let id = sources.add(path.display().to_string(), std::fs::read_to_string(&path).unwrap()).unwrap();
        let file = sources.file(id).unwrap().clone();
        iam::lint::file(&file, None, &mut diagnostics);
        for said in &diagnostics {
            let line = sources.locate(said.span).map_or(0, |at| at.line);
            println!("{} {} {}:{line} {}", said.code, said.severity.word(), path.display(), said.message);
        }
    }
}
