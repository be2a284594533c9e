//! CloudFormation's quotas for one template, none of which can be raised on request but by splitting.
//!
//! Source: AWS CloudFormation User Guide, "CloudFormation quotas".

/// Resources in a template.
pub(crate) const RESOURCES: usize = 500;
/// Parameters in a template.
pub(crate) const PARAMETERS: usize = 200;
/// Outputs in a template.
pub(crate) const OUTPUTS: usize = 200;
/// Bytes of a template's text when it is passed by an S3 object.
pub(crate) const BYTES: usize = 1_000_000;
/// Bytes of a template's text when it is passed in the request itself; a larger one must be uploaded first.
pub(crate) const BYTES_IN_REQUEST: usize = 51_200;
/// Bytes of a template's description.
pub(crate) const DESCRIPTION: usize = 1024;

/// What may be in one template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Resources.
    pub resources: usize,
    /// Parameters.
    pub parameters: usize,
    /// Outputs.
    pub outputs: usize,
    /// Bytes of text.
    pub bytes: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { resources: RESOURCES, parameters: PARAMETERS, outputs: OUTPUTS, bytes: BYTES }
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
