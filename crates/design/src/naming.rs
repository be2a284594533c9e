//! Logical ids and names.
//!
//! In: names of the blueprint. Out: names in AWS's alphabets. Always: the same name makes the same id, whatever
//! else the blueprint holds.

use smol_str::SmolStr;

/// `clinical-production` as the beginning of a logical id: `ClinicalProduction`. Two names differ in it unless
/// they differ only by a hyphen before a digit; [`crate::codes::SAME_LOGICAL_ID`] refuses those.
pub(crate) fn pascal(name: &str) -> SmolStr {
    let mut out = String::with_capacity(name.len());
    let mut upper = true;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            upper = true;
            continue;
        }
        out.push(if upper { c.to_ascii_uppercase() } else { c });
        upper = false;
    }
    out.into()
}

/// A logical id of two parts: that of a name, and what the resource is.
pub(crate) fn id(name: &str, what: &str) -> SmolStr {
    let mut out = String::from(pascal(name));
    out.push_str(what);
    out.into()
}

/// A range as part of a logical id: `10n32n0n0n16` for 10.32.0.0/16, `Anywhere` for all addresses.
pub(crate) fn of_block(block: blueprint::cidr::Cidr) -> SmolStr {
    if block.prefix() == 0 {
        return SmolStr::new_static("Anywhere");
    }
    block.to_string().replace(['.', '/'], "n").into()
}

/// `notes-model` as the beginning of an environment variable: `NOTES_MODEL`.
pub(crate) fn variable(name: &str, what: &str) -> SmolStr {
    let mut out = name.replace('-', "_").to_ascii_uppercase();
    out.push('_');
    out.push_str(what);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::{id, variable};

    #[test]
    fn names_become_readable_ids() {
        assert_eq!(id("clinical-production", "Account"), "ClinicalProductionAccount");
        assert_eq!(id("applications/non-production", "Unit"), "ApplicationsNonProductionUnit");
        assert_eq!(variable("notes-model", "URL"), "NOTES_MODEL_URL");
    }
}
