//! CloudFormation's quotas for one template. None can be raised; a larger stack has to be split.
//!
//! In: the catalog. Out: [`Quotas`].

use catalog::Catalog;

/// What may be in one template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Resources.
    pub resources: usize,
    /// Parameters.
    pub parameters: usize,
    /// Outputs.
    pub outputs: usize,
    /// Bytes of text, when it is passed as an S3 object.
    pub bytes: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        let quotas = Catalog::shared().quotas();
        Self {
            resources: quotas.resources,
            parameters: quotas.parameters,
            outputs: quotas.outputs,
            bytes: quotas.template_body_s3_bytes,
        }
    }
}

impl Quotas {
    /// How far the parts of a split stack are filled: nine tenths, so that what is there can grow without
    /// having to move.
    pub(crate) fn with_room(self) -> Self {
        let part = |quota: usize| (quota - quota / 10).max(1);
        Self {
            resources: part(self.resources),
            parameters: part(self.parameters),
            outputs: part(self.outputs),
            bytes: part(self.bytes),
        }
    }
}
