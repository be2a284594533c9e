//! CloudFormation's quotas.
//!
//! In: `data/quotas.json`. Out: [`Quotas`], a field for each quota that a template can break.
//! Must always hold: a number stands in the data file with its source, never in code.

use serde::Deserialize;

use crate::broken;

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are AWS's; the unit ends each of them")]
pub struct Quotas {
    pub template_body_request_bytes: usize,
    pub template_body_s3_bytes: usize,
    pub template_description_bytes: usize,
    pub resources: usize,
    pub resource_name_chars: usize,
    pub outputs: usize,
    pub output_name_chars: usize,
    pub parameters: usize,
    pub parameter_name_chars: usize,
    pub parameter_value_bytes: usize,
    pub mappings: usize,
    pub mapping_attributes: usize,
    pub mapping_name_chars: usize,
    pub dynamic_references: usize,
    pub nested_stack_operation_resources: usize,
    pub stack_name_chars: usize,
    pub stacks: usize,
    pub stack_sets: usize,
    pub stack_instances: usize,
    pub stack_set_operations: usize,
    pub custom_resource_response_bytes: usize,
}

#[derive(Deserialize)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    value: usize,
}

impl From<Table> for Quotas {
    fn from(table: Table) -> Self {
        let value = |id: &str| match table.rows.iter().find(|row| row.id == id) {
            Some(row) => row.value,
            None => broken("a quota is missing"),
        };
        Self {
            template_body_request_bytes: value("template_body_request_bytes"),
            template_body_s3_bytes: value("template_body_s3_bytes"),
            template_description_bytes: value("template_description_bytes"),
            resources: value("resources"),
            resource_name_chars: value("resource_name_chars"),
            outputs: value("outputs"),
            output_name_chars: value("output_name_chars"),
            parameters: value("parameters"),
            parameter_name_chars: value("parameter_name_chars"),
            parameter_value_bytes: value("parameter_value_bytes"),
            mappings: value("mappings"),
            mapping_attributes: value("mapping_attributes"),
            mapping_name_chars: value("mapping_name_chars"),
            dynamic_references: value("dynamic_references"),
            nested_stack_operation_resources: value("nested_stack_operation_resources"),
            stack_name_chars: value("stack_name_chars"),
            stacks: value("stacks"),
            stack_sets: value("stack_sets"),
            stack_instances: value("stack_instances"),
            stack_set_operations: value("stack_set_operations"),
            custom_resource_response_bytes: value("custom_resource_response_bytes"),
        }
    }
}
