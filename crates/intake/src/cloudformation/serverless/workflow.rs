//! `AWS::Serverless::StateMachine`.

use super::function::{location, tags};
use super::node::{attribute, entries, entry, literal};
use super::{Expansion, Source};

impl Expansion<'_, '_, '_> {
    pub(super) fn state_machine(&mut self, source: &Source) {
        let id = &source.id;
        let mut properties = source.copied(&["DefinitionSubstitutions"]);
        for (sam, own) in [
            ("Name", "StateMachineName"),
            ("Type", "StateMachineType"),
            ("Logging", "LoggingConfiguration"),
            ("Tracing", "TracingConfiguration"),
            ("Definition", "Definition"),
            ("EncryptionConfiguration", "EncryptionConfiguration"),
        ] {
            properties.extend(source.get(sam).map(|node| entry(own, node.clone())));
        }
        if source.get("Definition").is_none() {
            let mut place = location(source.get("DefinitionUri"));
            // The state machine's own names for the parts of the place.
            if let document::Kind::Map(parts) = &mut place.kind {
                for part in parts {
                    part.key.text = match part.key.text.as_str() {
                        "S3Bucket" => "Bucket".into(),
                        "S3Key" => "Key".into(),
                        "S3ObjectVersion" => "Version".into(),
                        other => other.into(),
                    };
                }
            }
            properties.push(entry("DefinitionS3Location", place));
        }
        let role = source.get("Role").cloned();
        let role_id = format!("{id}Role");
        properties.push(entry("RoleArn", role.clone().unwrap_or_else(|| attribute(&role_id, "Arn"))));
        properties
            .extend(tags(source.get("Tags"), Some("stateMachine:createdBy")).map(|tags| entry("Tags", tags)));
        self.add_main(source, "AWS::StepFunctions::StateMachine", properties);
        if role.is_none() {
            self.role(source, &role_id, "states.amazonaws.com", Vec::new());
        }
        for event in entries(source.get("Events")) {
            let kind = event.value.get("Type").and_then(literal).unwrap_or_default();
            self.not_expanded(source, event.key.span, &format!("events of state machines ({kind})"));
        }
        self.report_given(source, &["AutoPublishAlias", "DeploymentPreference"]);
        const KNOWN: &[&str] = &[
            "AutoPublishAlias",
            "AssumeRolePolicyDocument",
            "Definition",
            "DefinitionSubstitutions",
            "DefinitionUri",
            "DeploymentPreference",
            "EncryptionConfiguration",
            "Events",
            "Logging",
            "Name",
            "PermissionsBoundary",
            "Policies",
            "PropagateTags",
            "Role",
            "RolePath",
            "Tags",
            "Tracing",
            "Type",
        ];
        self.report_others(source, &[KNOWN]);
    }
}
