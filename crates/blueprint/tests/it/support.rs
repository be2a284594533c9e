//! One way to load a blueprint from text, for all tests.

use std::path::{Path, PathBuf};

use blueprint::{Blueprint, Files, MemoryFiles, ReadError};
use diagnostics::{Diagnostics, SourceMap};

/// A blueprint, or what is wrong with it.
pub struct Loaded {
    pub blueprint: Option<Blueprint>,
    pub sources: SourceMap,
    pub diagnostics: Diagnostics,
}

impl Loaded {
    /// `BP0301 line 3: message`, one line each.
    pub fn lines(&self) -> Vec<String> {
        self.diagnostics
            .iter()
            .map(|diagnostic| {
                let line = self.sources.locate(diagnostic.span).map_or(0, |place| place.line);
                format!("{} line {line}: {}", diagnostic.code, diagnostic.message)
            })
            .collect()
    }

    /// The blueprint, which must have no diagnostics at all.
    pub fn clean(self) -> Blueprint {
        assert!(self.diagnostics.is_empty(), "{:#?}", self.lines());
        self.blueprint.expect("without errors there is a blueprint")
    }
}

pub fn load(files: &dyn Files) -> Loaded {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let blueprint = blueprint::load(files, "estate.yaml", &mut sources, &mut diagnostics);
    Loaded { blueprint, sources, diagnostics }
}

pub fn load_text(text: &str) -> Loaded {
    load(&MemoryFiles::new().with("estate.yaml", text))
}

/// A folder on disk.
pub struct Folder(pub PathBuf);

impl Files for Folder {
    fn read(&self, path: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        std::fs::read(self.0.join(path)).map_err(|_| ReadError::NotFound)
    }
}

/// The five examples.
pub fn examples() -> Vec<(String, Folder)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    ["brokerage", "clinical-ai", "foundations", "hipaa-baseline", "studio"]
        .map(|name| (name.to_owned(), Folder(folder.join(name))))
        .into()
}

/// A small correct blueprint; tests add to it or replace lines of it.
pub const BASE: &str = "\
name: acme
domain: acme.example
frameworks: [hipaa]
contacts: { security: security@acme.example }
regions: { primary: us-east-1 }
organization:
  email: aws+{account}@acme.example
  units:
    security: { accounts: [audit, log-archive] }
    work: { accounts: [production, staging, development, play] }
environments:
  production: { tier: production }
  staging: { like: production, tier: staging }
stores:
  records: { kind: postgresql, contains: phi }
workloads:
  portal: { runs-on: fargate, reached-from: internet, uses: [records] }
";

/// [`BASE`] with a line of it replaced.
pub fn with(line: &str, replacement: &str) -> String {
    assert_eq!(BASE.matches(line).count(), 1, "`{line}` stands once in the base");
    BASE.replace(line, replacement)
}

/// [`BASE`] with more at its end.
pub fn and(more: &str) -> String {
    format!("{BASE}{more}")
}
