//! Guardrails in as few policies as they need.
//!
//! In: statements in order, each with the guardrail it belongs to, and how long a policy may be. Out: policies. Always: every
//! statement is in exactly one policy, in order; sizes count what a reference can become at the most, so that a
//! policy that fits here fits at AWS.

use blueprint::model::Guardrail;
use estate::{Value, json_characters};

/// A policy.
pub(super) struct Policy {
    /// What it holds, each once.
    pub guardrails: Vec<Guardrail>,
    /// Its statements.
    pub statements: Vec<Value>,
    /// Its characters.
    pub size: usize,
}

/// `{"Version":"2012-10-17","Statement":[]}`
const FRAME: usize = 40;

/// What AWS puts in place of a reference: an organization's id has at most 34 characters, a unit's 68.
/// Source: the registry schemas of AWS::Organizations::Organization and AWS::Organizations::OrganizationalUnit.
const REFERENCE: usize = 68;

/// First fit: a statement goes into the first policy that has room for it.
pub(super) fn pack(statements: impl Iterator<Item = (Guardrail, Value)>, most: usize) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for (guardrail, statement) in statements {
        // With the comma that parts it from the one before.
        let size = json_characters(&statement, REFERENCE) + 1;
        let policy = match policies.iter_mut().position(|policy| policy.size + size <= most) {
            Some(at) => policies.get_mut(at),
            None => {
                policies.push(Policy { guardrails: Vec::new(), statements: Vec::new(), size: FRAME });
                policies.last_mut()
            }
        };
        let Some(policy) = policy else { continue };
        if !policy.guardrails.contains(&guardrail) {
            policy.guardrails.push(guardrail);
        }
        policy.statements.push(statement);
        policy.size += size;
    }
    policies
}

#[cfg(test)]
mod tests {
    use estate::value;

    use super::{Guardrail, json_characters, pack};

    #[test]
    fn characters_are_those_of_json_without_white_space() {
        let one = value!({ "Sid": "A", "Action": ["s3:*", "kms:*"], "Deep": { "B": "true" } });
        let text = r#"{"Sid":"A","Action":["s3:*","kms:*"],"Deep":{"B":"true"}}"#;
        assert_eq!(json_characters(&one, 0), text.len());
    }

    #[test]
    fn what_fits_stays_together_and_the_rest_goes_on() {
        let one = || (Guardrail::Root, value!({ "Sid": "0123456789" }));
        let two = || (Guardrail::Keys, value!({ "Sid": "0123456789" }));
        let size = json_characters(&one().1, 0) + 1;
        let policies = pack([one(), one(), two()].into_iter(), 40 + 2 * size);
        let held: Vec<_> = policies.iter().map(|policy| (policy.statements.len(), policy.size)).collect();
        assert_eq!(held, [(2, 40 + 2 * size), (1, 40 + size)]);
        assert_eq!(policies.iter().map(|policy| policy.guardrails.len()).sum::<usize>(), 2);
    }
}
