//! Names that Steward gives: of parameters, outputs, files and deployed stacks.
//!
//! Always: a name depends only on what it names, never on what else there is, so that it does not change
//! when something is added. Where two would be equal, the later one carries a digest of what it names.

use estate::{AccountId, Estate, Reference, SmolStr, Stack, StackId, Target};
use sha2::{Digest, Sha256};

use super::lower::Source;

/// The longest logical id that CloudFormation takes for parameters and outputs.
///
/// Source: AWS CloudFormation User Guide, "CloudFormation quotas", parameter name and output name.
const LONGEST: usize = 255;

/// The name of the parameter by which `consumer` receives `source`: `NetworkVpcRef`, `SharedKmsKeyArn`. The
/// producing account and region are named where they are not the consumer's own.
pub(crate) fn parameter(estate: &Estate, consumer: &Stack, source: &Source) -> String {
    let mut name = String::new();
    match source {
        Source::Number(account) => {
            push_words(&mut name, account_name(estate, *account));
            name.push_str("AccountId");
        }
        Source::Output(reference) => {
            let stack = producer(reference).and_then(|stack| estate.stack(stack));
            if let Some(stack) = stack {
                if stack.account != consumer.account {
                    push_words(&mut name, account_name(estate, stack.account));
                }
                push_words(&mut name, &stack.name);
                if stack.region != consumer.region {
                    push_words(&mut name, stack.region.as_deref().unwrap_or(""));
                }
            }
            name.push_str(&output(reference));
        }
    }
    bounded(name)
}

/// The name of the output that puts a value out: `VpcRef`, `KeyArn`, `DatabaseEndpointAddress`.
pub(crate) fn output(reference: &Reference) -> String {
    let mut name = String::new();
    match &reference.target {
        Target::Resource { id, .. } => name.push_str(id),
        Target::Pseudo { pseudo, .. } => push_words(&mut name, pseudo.name().trim_start_matches("AWS::")),
        Target::Account(_) => name.push_str("Account"),
    }
    match (&reference.attribute, &reference.target) {
        (Some(attribute), _) => push_words(&mut name, attribute),
        (None, Target::Resource { .. }) => name.push_str("Ref"),
        (None, _) => {}
    }
    bounded(name)
}

/// The stack that a value comes from.
pub(crate) fn producer(reference: &Reference) -> Option<StackId> {
    match &reference.target {
        Target::Resource { stack, .. } | Target::Pseudo { stack, .. } => Some(*stack),
        Target::Account(_) => None,
    }
}

/// What a source is, in full: two sources are the same exactly when this is.
pub(crate) fn identity(estate: &Estate, source: &Source) -> String {
    match source {
        Source::Number(account) => format!("account {}", account_name(estate, *account)),
        Source::Output(reference) => {
            let stack = producer(reference).map(|stack| estate.stack_path(stack)).unwrap_or_default();
            format!("{stack}:{reference}")
        }
    }
}

/// `name` with eight digits that say what it means.
pub(crate) fn distinguished(name: &str, identity: &str) -> String {
    let mut name = name.to_owned();
    name.push_str(digest(identity.as_bytes()).get(..8).unwrap_or(""));
    bounded(name)
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name of the estate as one part of a path: what file systems or shells take amiss becomes `-`.
pub(crate) fn path_part(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect();
    let trimmed = clean.trim_start_matches('.');
    if trimmed.is_empty() { "unnamed".to_owned() } else { trimmed.to_owned() }
}

/// A name as that of a deployed stack: a letter, then letters, digits and hyphens, 128 at most.
///
/// Source: AWS CloudFormation API Reference, "CreateStack", StackName.
pub(crate) fn deployed(name: &str) -> String {
    let mut clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if !clean.starts_with(|c: char| c.is_ascii_alphabetic()) {
        clean.insert_str(0, "stack-");
    }
    clean.truncate(124);
    clean
}

fn account_name(estate: &Estate, account: AccountId) -> &str {
    estate.account(account).map_or("", |account| account.name.as_str())
}

/// Appends `text` in Pascal case, without anything but letters and digits.
fn push_words(out: &mut String, text: &str) {
    let mut start = true;
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() {
            start = true;
        } else if start {
            out.push(c.to_ascii_uppercase());
            start = false;
        } else {
            out.push(c);
        }
    }
}

fn bounded(mut name: String) -> String {
    if name.len() > LONGEST {
        let digest: SmolStr = digest(name.as_bytes()).get(..8).unwrap_or("").into();
        name.truncate(LONGEST - 8);
        name.push_str(&digest);
    }
    name
}
