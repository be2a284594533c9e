//! `manifest.json`: what is in a bundle, in which order it is deployed, and how values travel.
//!
//! In: made by [`super::emit`], or read back from a directory. Out: JSON.
//! Always: the schema is versioned ([`VERSION`]); a field is added without a new version, but none changes
//! its meaning or goes away without one. `docs/output.md` describes it.

use std::collections::BTreeMap;

use estate::SmolStr;
use serde::{Deserialize, Serialize};

/// The version of the manifest's schema.
pub const VERSION: u32 = 1;
/// What [`Manifest::generator`] says.
pub const GENERATOR: &str = "steward";

/// A whole manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`GENERATOR`]; by this a directory is recognised as Steward's.
    pub generator: String,
    /// [`VERSION`]
    pub version: u32,
    /// The estate's name.
    pub estate: String,
    /// The accounts that stacks are deployed to, in the estate's order.
    pub accounts: Vec<ManifestAccount>,
    /// The regions that stacks are deployed to, sorted.
    pub regions: Vec<String>,
    /// Keys of stacks, wave after wave: all of a wave may be deployed at the same time, once those before
    /// are done.
    pub waves: Vec<Vec<String>>,
    /// The stacks, in the order of the waves.
    pub stacks: Vec<ManifestStack>,
    /// For stacks that are split or may soon have to be, the part (from 1) of each resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub placement: BTreeMap<String, BTreeMap<SmolStr, u32>>,
    /// Every file of the bundle, this one included, sorted.
    pub files: Vec<String>,
}

/// An account in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestAccount {
    /// Its name.
    pub name: String,
    /// What AWS calls it, where that is not its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its twelve digits, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The output that says its number once it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_from: Option<OutputOf>,
    /// The environment it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// A stack as it is deployed; a stack of the estate that had to be split is several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestStack {
    /// `account/region/name`, unique.
    pub key: String,
    /// The account's name.
    pub account: String,
    /// The region; absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The name to deploy it under.
    pub name: String,
    /// Its wave, from 1; 0 for a nested stack, which its parent deploys.
    pub wave: u32,
    /// The template's path within the bundle.
    pub template: String,
    /// The SHA-256 of the template, in hexadecimal.
    pub sha256: String,
    /// The template's size.
    pub bytes: usize,
    /// How many resources it has.
    pub resources: usize,
    /// Whether the template is too large for a request and must be uploaded to S3 first.
    pub upload: bool,
    /// What must be acknowledged to deploy it: `CAPABILITY_NAMED_IAM`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Tags to deploy it with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Keys of the stacks that must be deployed before, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// What has to be done by hand for it, in this order: AWS CloudFormation has no resource that does it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ManifestStep>,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ManifestParameter>,
    /// Names of the outputs that others use, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// The stack that nests this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested_in: Option<String>,
    /// Whether it nests others, whose templates must be uploaded first (`aws cloudformation package`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nests: bool,
    /// Whether somebody else wrote the template.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub brought: bool,
}

/// Something that has to be done by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestStep {
    /// `before` or `after` the stack is deployed.
    pub when: String,
    /// What is done.
    pub what: String,
    /// The command, for the shell, with the functions of `README.md`.
    pub command: String,
}

/// A parameter of a stack: exactly one of `from`, `account`, `value` and `supply` is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestParameter {
    /// Its name.
    pub name: String,
    /// The output of another stack that has its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<OutputOf>,
    /// The account whose number it is, where no stack makes that account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What a person has to say: `value of Password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply: Option<String>,
    /// Whether the output may be missing, because a condition decides; the parameter then keeps its default.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// An output of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputOf {
    /// The stack's key.
    pub stack: String,
    /// The output's name.
    pub output: String,
}

impl Manifest {
    /// A manifest as it stands in `manifest.json`.
    ///
    /// # Errors
    /// A sentence for people when the text is not a manifest of this version.
    pub fn read(text: &str) -> Result<Self, String> {
        let manifest: Self =
            serde_json::from_str(text).map_err(|error| format!("not a manifest of Steward: {error}"))?;
        if manifest.generator != GENERATOR {
            return Err(format!("the manifest was made by `{}`, not by Steward", manifest.generator));
        }
        if manifest.version != VERSION {
            let version = manifest.version;
            return Err(format!("the manifest has version {version}; this Steward reads version {VERSION}"));
        }
        Ok(manifest)
    }

    /// The text of `manifest.json`.
    #[must_use]
    pub fn text(&self) -> String {
        // A structure of texts and numbers always has a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
