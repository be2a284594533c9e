//! What a check says of a subject.

use diagnostics::Span;
use estate::{ResourceRef, StackId};

/// Whether a guarantee holds of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// It holds, for every value of everything unknown.
    Proved,
    /// It does not hold, but somebody took responsibility, and the time for that is not over.
    Excepted,
    /// It depends on what is not known, which the finding names.
    Unknown,
    /// It does not hold.
    Violated,
}

impl Verdict {
    /// `proved`, `excepted`, `unknown` or `violated`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Excepted => "excepted",
            Self::Unknown => "unknown",
            Self::Violated => "violated",
        }
    }
}

/// What a finding is about: a resource, by its position in its stack, or a stack as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// The stack; `None`: the estate as a whole.
    pub stack: Option<StackId>,
    /// Position in [`estate::Stack::resources`]; `None`: the stack as a whole.
    pub resource: Option<u32>,
}

impl Subject {
    /// The estate as a whole.
    pub const ESTATE: Self = Self { stack: None, resource: None };

    /// A resource.
    #[must_use]
    pub fn of(found: ResourceRef<'_>) -> Self {
        let at = found.stack.resources.get_index_of(found.id).and_then(|at| u32::try_from(at).ok());
        Self { stack: Some(found.stack_id), resource: at }
    }

    /// A stack.
    #[must_use]
    pub fn stack(stack: StackId) -> Self {
        Self { stack: Some(stack), resource: None }
    }
}

/// The concrete failure that violates a guarantee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Witness {
    /// A setting as it is: where in the resource (`VersioningConfiguration/Status`), and what is there.
    Setting {
        /// Path of properties below the resource.
        path: String,
        /// What is there, in words: `` `Suspended` `` or `nothing`.
        found: String,
    },
    /// A request that would be allowed, or one that must be and is not.
    Request {
        /// Who asks: an ARN pattern, a service, `anyone`.
        principal: String,
        /// The action: `s3:GetObject`.
        action: String,
        /// On what.
        resource: String,
        /// Circumstances that matter: `aws:SecureTransport is false`.
        circumstances: String,
    },
    /// A packet that would pass.
    Packet {
        /// From where: `0.0.0.0/0`.
        source: String,
        /// To what.
        destination: String,
        /// Protocol and port: `tcp 22`.
        service: String,
    },
    /// Something that happens and what does not follow.
    Event {
        /// What happens.
        happens: String,
        /// What follows, or does not.
        follows: String,
    },
}

/// A verdict that is not "proved", with its place and reason.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The guarantee's id.
    pub guarantee: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// Violated, unknown or excepted.
    pub verdict: Verdict,
    /// The place in blueprint or template that decides.
    pub span: Span,
    /// What is wrong, or what cannot be known, in one sentence.
    pub message: String,
    /// The concrete failure.
    pub witness: Option<Witness>,
    /// What to change, in the resource's own vocabulary.
    pub fix: Option<String>,
    /// Other places on the way from cause to failure.
    pub related: Vec<(Span, String)>,
    /// Position of the exception that applies or has expired, in the list given to [`crate::check`].
    pub exception: Option<usize>,
}

/// Collects what one guarantee's check says.
#[derive(Debug)]
pub struct Findings {
    guarantee: &'static str,
    /// Subjects of which the guarantee was proved.
    pub proved: Vec<Subject>,
    /// How many more times it was proved of the estate as a whole than `proved` lists: for pairs of environments that are
    /// alike.
    pub repeated: usize,
    /// All others.
    pub findings: Vec<Finding>,
}

impl Findings {
    /// None yet.
    #[must_use]
    pub fn new(guarantee: &'static str) -> Self {
        Self { guarantee, proved: Vec::new(), repeated: 0, findings: Vec::new() }
    }

    /// The guarantee holds of a resource.
    pub fn proved(&mut self, found: ResourceRef<'_>) {
        self.proved.push(Subject::of(found));
    }

    /// The guarantee does not hold of a resource.
    pub fn violated(
        &mut self,
        found: ResourceRef<'_>,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Subject::of(found), Verdict::Violated, span.or(found.resource.origin.span), message.into())
    }

    /// Whether the guarantee holds of a resource depends on what is not known.
    pub fn unknown(
        &mut self,
        found: ResourceRef<'_>,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Subject::of(found), Verdict::Unknown, span.or(found.resource.origin.span), message.into())
    }

    /// A verdict about any subject.
    pub fn add(&mut self, subject: Subject, verdict: Verdict, span: Span, message: String) -> &mut Finding {
        let guarantee = self.guarantee;
        self.findings.push(Finding {
            guarantee,
            subject,
            verdict,
            span,
            message,
            witness: None,
            fix: None,
            related: Vec::new(),
            exception: None,
        });
        let last = self.findings.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "the element was pushed on the line before")]
        &mut self.findings[last]
    }
}

impl Finding {
    /// Adds the concrete failure.
    pub fn witness(&mut self, witness: Witness) -> &mut Self {
        self.witness = Some(witness);
        self
    }

    /// Says what to change.
    pub fn fix(&mut self, fix: impl Into<String>) -> &mut Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds another place.
    pub fn related(&mut self, span: Span, label: impl Into<String>) -> &mut Self {
        self.related.push((span, label.into()));
        self
    }
}
