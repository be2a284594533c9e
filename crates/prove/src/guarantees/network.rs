//! The guarantees that the network engine answers, in the order in which it is asked.

use crate::network::Ask;

/// Each guarantee's id with its question.
pub(crate) static ASKS: &[(&str, Ask)] = &[
    ("internet-reaches-no-data", super::internet_reaches_no_data::ask),
    ("internet-reaches-no-admin", super::internet_reaches_no_admin::ask),
    ("internet-through-firewall", super::internet_through_firewall::ask),
    ("approved-flows-only", super::approved_flows_only::ask),
    ("sandbox-reaches-no-production", super::sandbox_reaches_no_production::ask),
    ("environments-can-be-isolated", super::environments_can_be_isolated::ask),
    ("no-phi-in-clear", super::no_phi_in_clear::ask),
    ("needed-flows-work", super::needed_flows_work::ask),
    ("rules-decide", super::rules_decide::ask),
    ("routes-lead-somewhere", super::routes_lead_somewhere::ask),
    ("own-guarantees", super::own_guarantees::ask),
];
