//! The guarantees, one file each.
//!
//! A new one is a file here with a `pub static GUARANTEE`, a line in [`ALL`], a page
//! `docs/guarantees/ID.md` with examples, and a row in `data/controls.csv`.

pub mod alarm_reaches_person;
pub mod approved_flows_only;
pub mod backups_copied;
pub mod backups_locked;
pub mod bucket_acl_deployable;
pub mod config_delivers;
pub mod creation_order;
pub mod dependencies_resolve;
pub mod detection_everywhere;
pub mod encryption_at_rest;
pub mod environments_can_be_isolated;
pub mod guardrails_cover_accounts;
pub mod guardrails_effective;
pub mod instance_metadata_v2;
pub mod internet_reaches_no_admin;
pub mod internet_reaches_no_data;
pub mod internet_through_firewall;
pub mod key_duties_apart;
pub mod key_policy_guarded;
pub mod key_rotation;
pub mod log_bucket_locked;
pub mod log_bucket_used;
pub mod log_bucket_versioned;
pub mod log_retention;
pub mod logs_delivered;
pub mod logs_unstoppable;
pub mod metric_filter_alarmed;
pub mod metric_filter_matches_unauthorized;
pub mod needed_flows_work;
pub mod needs_allowed;
pub(crate) mod network;
pub mod no_blocking_names;
pub mod no_iam_user;
pub mod no_open_admin_port;
pub mod no_outside_sharing;
pub mod no_path_to_production;
pub mod no_phi_in_clear;
pub mod no_privilege_escalation;
pub mod no_public_bucket;
pub mod no_public_database;
pub mod no_public_snapshot;
pub mod no_unused_guard;
pub mod no_wildcard_administrator;
pub mod nothing_beyond_need;
pub mod own_guarantees;
pub mod phi_access_recorded;
pub mod pipelines_contained;
pub mod required_tags;
pub mod routes_lead_somewhere;
pub mod rules_decide;
pub mod sandbox_reaches_no_production;
pub mod schema_valid;
pub mod stateful_backed_up;
pub mod stateful_retained;
pub mod supported_engines;
pub mod supported_runtimes;
pub mod tenants_apart;
pub mod tls_only_buckets;
pub mod tls_only_databases;
pub mod tls_only_listeners;
pub mod tls_only_queues;
pub mod tls_only_topics;
pub mod trail_complete;
pub mod trail_delivers;
pub mod trust_names_callers;
pub mod watch_unstoppable;

use crate::Guarantee;

/// Every guarantee, in the order in which reports show them.
pub static ALL: &[&Guarantee] = &[
    &key_rotation::GUARANTEE,
    &tls_only_buckets::GUARANTEE,
    &tls_only_topics::GUARANTEE,
    &tls_only_queues::GUARANTEE,
    &tls_only_listeners::GUARANTEE,
    &no_open_admin_port::GUARANTEE,
    &no_public_bucket::GUARANTEE,
    &trail_complete::GUARANTEE,
    &trail_delivers::GUARANTEE,
    &alarm_reaches_person::GUARANTEE,
    &log_bucket_versioned::GUARANTEE,
    &log_bucket_locked::GUARANTEE,
    &bucket_acl_deployable::GUARANTEE,
    &metric_filter_matches_unauthorized::GUARANTEE,
    &metric_filter_alarmed::GUARANTEE,
    &no_wildcard_administrator::GUARANTEE,
    &no_privilege_escalation::GUARANTEE,
    &no_path_to_production::GUARANTEE,
    &needs_allowed::GUARANTEE,
    &nothing_beyond_need::GUARANTEE,
    &tenants_apart::GUARANTEE,
    &pipelines_contained::GUARANTEE,
    &no_iam_user::GUARANTEE,
    &required_tags::GUARANTEE,
    &supported_runtimes::GUARANTEE,
    &supported_engines::GUARANTEE,
    &log_retention::GUARANTEE,
    &instance_metadata_v2::GUARANTEE,
    &creation_order::GUARANTEE,
    &stateful_retained::GUARANTEE,
    &stateful_backed_up::GUARANTEE,
    &backups_locked::GUARANTEE,
    &backups_copied::GUARANTEE,
    &schema_valid::GUARANTEE,
    &dependencies_resolve::GUARANTEE,
    &no_unused_guard::GUARANTEE,
    &no_blocking_names::GUARANTEE,
    &no_public_database::GUARANTEE,
    &no_public_snapshot::GUARANTEE,
    &tls_only_databases::GUARANTEE,
    &log_bucket_used::GUARANTEE,
    &config_delivers::GUARANTEE,
    &key_policy_guarded::GUARANTEE,
    &key_duties_apart::GUARANTEE,
    &trust_names_callers::GUARANTEE,
    &no_outside_sharing::GUARANTEE,
    &logs_delivered::GUARANTEE,
    &phi_access_recorded::GUARANTEE,
    &encryption_at_rest::GUARANTEE,
    &internet_reaches_no_data::GUARANTEE,
    &internet_reaches_no_admin::GUARANTEE,
    &internet_through_firewall::GUARANTEE,
    &approved_flows_only::GUARANTEE,
    &sandbox_reaches_no_production::GUARANTEE,
    &no_phi_in_clear::GUARANTEE,
    &needed_flows_work::GUARANTEE,
    &environments_can_be_isolated::GUARANTEE,
    &own_guarantees::GUARANTEE,
    &routes_lead_somewhere::GUARANTEE,
    &rules_decide::GUARANTEE,
    &guardrails_cover_accounts::GUARANTEE,
    &guardrails_effective::GUARANTEE,
    &logs_unstoppable::GUARANTEE,
    &watch_unstoppable::GUARANTEE,
    &detection_everywhere::GUARANTEE,
];

/// Guarantees that speak of what deploying does. Of what exists already, and was read from what AWS describes, there is
/// nothing to deploy: its schema has been accepted, its order is past, and its deletion policies are in a template
/// that nobody gave.
pub const OF_DEPLOYMENT: &[&str] = &[
    "bucket-acl-deployable",
    "creation-order",
    "dependencies-resolve",
    "no-blocking-names",
    "schema-valid",
    "stateful-retained",
];

/// A guarantee by its id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Guarantee> {
    ALL.iter().copied().find(|guarantee| guarantee.id == id)
}
