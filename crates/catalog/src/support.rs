//! How long AWS supports a Lambda runtime or a database engine.
//!
//! In: `data/lambda-runtimes.json`, `data/engines.json`. Out: [`Runtime`], [`EngineVersion`].
//! Must always hold: dates are `YYYY-MM-DD`, so that they compare as text; this crate knows no "today", the
//! caller brings the day.

use serde::Deserialize;
use smol_str::SmolStr;

/// A Lambda runtime.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// `nodejs22.x`
    pub runtime: SmolStr,
    /// From this day AWS no longer patches it.
    pub deprecated: Option<SmolStr>,
    /// From this day no function can be created with it.
    pub create_blocked: Option<SmolStr>,
    /// From this day no function that uses it can be updated.
    pub update_blocked: Option<SmolStr>,
    /// The newest runtime of the same language.
    pub successor: Option<SmolStr>,
}

impl Runtime {
    /// Whether AWS no longer patches it on `day` (`YYYY-MM-DD`).
    #[must_use]
    pub fn is_deprecated_on(&self, day: &str) -> bool {
        self.deprecated.as_deref().is_some_and(|date| date <= day)
    }
}

/// A version of an engine, and until when AWS supports it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineVersion {
    /// `rds`, `docdb`, `elasticache`, `opensearch`, `eks`
    pub service: SmolStr,
    /// `postgres`, `aurora-mysql`, `redis`, `OpenSearch`, `kubernetes`, …
    pub engine: SmolStr,
    /// `16`, `8.0`: what a version of the line begins with.
    pub version: SmolStr,
    /// The last day of standard support; `None` when AWS has announced none.
    pub standard_end: Option<SmolStr>,
    /// The last day of extended support; `None` when there is none, or no announced end.
    pub extended_end: Option<SmolStr>,
    /// The AWS page that says so.
    pub source: SmolStr,
}

/// What a version still gets from AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// Fixes and patches.
    Standard,
    /// Critical patches, at an extra charge.
    Extended,
    /// Nothing.
    Ended,
}

impl EngineVersion {
    /// The support on `day` (`YYYY-MM-DD`).
    #[must_use]
    pub fn support_on(&self, day: &str) -> Support {
        let over = |end: &Option<SmolStr>| end.as_deref().is_some_and(|end| end < day);
        match (over(&self.standard_end), &self.extended_end) {
            (false, _) => Support::Standard,
            (true, Some(_)) if !over(&self.extended_end) => Support::Extended,
            (true, _) => Support::Ended,
        }
    }
}

/// Which properties of a resource type name its engine and version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versioned {
    /// `AWS::RDS::DBInstance`
    #[serde(rename = "type")]
    pub type_name: SmolStr,
    /// The service, as in [`EngineVersion::service`].
    pub service: SmolStr,
    /// The engine when the resource does not say.
    pub engine: Option<SmolStr>,
    /// The property that names the engine.
    pub engine_property: Option<SmolStr>,
    /// The property that names the version.
    pub version_property: SmolStr,
}

#[derive(Deserialize)]
pub(crate) struct Runtimes {
    pub(crate) rows: Vec<Runtime>,
}

#[derive(Deserialize)]
pub(crate) struct Engines {
    pub(crate) types: Vec<Versioned>,
    pub(crate) rows: Vec<EngineVersion>,
}

impl Engines {
    /// The line of the version `version`, which may be longer than the line's own: `16.4` belongs to `16`.
    pub(crate) fn version(&self, service: &str, engine: &str, version: &str) -> Option<&EngineVersion> {
        let of_engine =
            self.rows.iter().filter(|row| row.service == service && row.engine.eq_ignore_ascii_case(engine));
        of_engine.filter(|row| belongs(version, &row.version)).max_by_key(|row| row.version.len())
    }
}

fn belongs(version: &str, line: &str) -> bool {
    version.strip_prefix(line).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}
