//! A run in numbers.

use std::collections::BTreeSet;

use prove::{Count, Verdict};

use super::Reported;

/// What a run comes to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every guarantee that has a subject holds, or is excepted.
    Proved,
    /// Some guarantee depends on what is not known; none is violated.
    Unknown,
    /// Some guarantee is violated.
    Violated,
    /// The input has mistakes, so what was not understood was not judged.
    Invalid,
}

impl Outcome {
    /// `proved`, `unknown`, `violated` or `invalid`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Unknown => "unknown",
            Self::Violated => "violated",
            Self::Invalid => "invalid",
        }
    }
}

/// How much was judged, and how it came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Accounts of the estate.
    pub accounts: usize,
    /// Regions of its stacks, sorted; those that nobody said are not among them.
    pub regions: Vec<String>,
    /// Its stacks.
    pub stacks: usize,
    /// Its resources.
    pub resources: usize,
    /// Guarantees by their worst verdict.
    pub guarantees: Count,
    /// Guarantees that have no subject in the estate.
    pub without_subject: usize,
    /// Verdicts.
    pub subjects: Count,
    /// Mistakes of the input.
    pub errors: usize,
    /// Warnings about the input.
    pub warnings: usize,
}

impl Summary {
    /// Counts a run.
    #[must_use]
    pub fn of(run: &Reported<'_>) -> Self {
        let mut out = Self { errors: run.diagnostics.error_count(), ..Self::default() };
        let warnings = run.diagnostics.iter().filter(|item| item.severity == diagnostics::Severity::Warning);
        out.warnings = warnings.count();
        let Some((estate, report)) = run.judged else { return out };
        // What stands for every account is none.
        let fleets: BTreeSet<_> =
            estate.stacks.iter().filter(|stack| stack.fleet.is_some()).map(|stack| stack.account).collect();
        out.accounts = estate.accounts.len() - fleets.len();
        let regions: BTreeSet<&str> =
            estate.stacks.iter().filter_map(|stack| stack.region.as_deref()).collect();
        out.regions = regions.into_iter().map(str::to_owned).collect();
        out.stacks = estate.stacks.len();
        out.resources = estate.resource_count();
        out.subjects = report.count();
        for checked in &report.guarantees {
            match checked.verdict() {
                Some(Verdict::Proved) => out.guarantees.proved += 1,
                Some(Verdict::Excepted) => out.guarantees.excepted += 1,
                Some(Verdict::Unknown) => out.guarantees.unknown += 1,
                Some(Verdict::Violated) => out.guarantees.violated += 1,
                None => out.without_subject += 1,
            }
        }
        out
    }

    /// What it comes to. Mistakes of the input outweigh verdicts: what was not understood was not judged.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.errors > 0 {
            Outcome::Invalid
        } else if self.subjects.violated > 0 {
            Outcome::Violated
        } else if self.subjects.unknown > 0 {
            Outcome::Unknown
        } else {
            Outcome::Proved
        }
    }

    /// How many guarantees were checked.
    #[must_use]
    pub fn checked(&self) -> usize {
        let Count { proved, excepted, unknown, violated } = self.guarantees;
        proved + excepted + unknown + violated + self.without_subject
    }

    /// How many verdicts there are.
    #[must_use]
    pub fn verdicts(&self) -> usize {
        let Count { proved, excepted, unknown, violated } = self.subjects;
        proved + excepted + unknown + violated
    }
}
