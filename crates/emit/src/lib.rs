//! What an estate is turned into for people and machines: CloudFormation templates and what goes with them.
//!
//! In: an [`estate::Estate`]. Out: a [`Bundle`] of files in memory; [`commit`] puts one on a disk.
//! Always: the same estate gives the same bytes; an emitter decides nothing that the estate does not say;
//! what cannot be expressed is a diagnostic and nothing is emitted; only [`commit`] touches a disk, and it
//! leaves there either all of a bundle or nothing of it.

mod bundle;
pub mod cloudformation;
mod commit;
pub mod diagram;
pub mod report;
pub mod trace;

pub use bundle::Bundle;
pub use commit::{CommitError, commit};

use diagnostics::codes;

codes! {
    NOT_KNOWN = "EMT0001", "a value that would be deployed is not known",
        "A template can only say what is known or what AWS assigns. This value is neither: it would have to be \
         guessed. Give the blueprint the value it needs; the message names it. If the blueprint cannot say it, \
         that is a fault of the component that made the resource.";
    DANGLING = "EMT0002", "a reference leads to nothing",
        "A resource refers to another one, or waits for one, that is not in the estate. CloudFormation would \
         refuse the template. Usually the resource referred to is left out by a condition, or was renamed.";
    READS_AS_FUNCTION = "EMT0003", "a literal mapping would be read as a function",
        "CloudFormation takes a mapping whose only key is `Ref` or begins with `Fn::` for a function, wherever \
         it stands. This one is meant literally and there is no way to write it so; pass it as text.";
    NOT_EXPRESSIBLE = "EMT0004", "CloudFormation has no way to write this",
        "The model holds something that a template cannot say in this place: a null, a condition of another \
         stack, a condition on an attribute of a resource, a mapping that no template declares. The message \
         says which.";
    STACK_CYCLE = "EMT0005", "stacks need each other in a circle",
        "A stack can be created only after those whose values it uses. These use each other's, so none can be \
         first. Break the circle where the message shows it: move one resource to the stack that needs it, or \
         name it by a fixed name instead of by what AWS assigns.";
    TOO_LARGE = "EMT0006", "a stack cannot be split below CloudFormation's quotas",
        "A template may have 500 resources, 200 parameters, 200 outputs and 1 MB of text (AWS CloudFormation \
         User Guide, \"CloudFormation quotas\"). Steward splits a larger stack by itself, but resources that \
         need each other in a circle stay together, and these alone exceed a quota.";
    NO_OUTPUT = "EMT0007", "somebody else's template does not put out a value that is needed",
        "Templates that you brought are written unchanged, so a value of theirs can be used by another stack \
         only if they have an output with exactly this value. Add the output to the template.";
    WOULD_MOVE = "EMT0008", "a resource that keeps data would move to another stack",
        "This stack is split because it exceeds a quota of CloudFormation. A new dependency makes it impossible \
         to leave this resource in the part where it is deployed; moving it would delete it there and create \
         an empty one elsewhere. Remove the dependency, or move the resource by hand with a resource import.";
    QUOTA_OF_TEMPLATE = "EMT0009", "a template that you brought exceeds a quota of CloudFormation",
        "Templates that you brought are written unchanged and therefore not split. CloudFormation refuses a \
         template of more than 1 MB, 500 resources, 200 parameters or 200 outputs.";
}
