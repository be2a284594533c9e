//! AWS's HIPAA Eligible Services Reference.
//!
//! In: `data/hipaa-eligible-services.json`. Out: [`EligibleService`].
//! Must always hold: the list is AWS's on the day it states. A service it does not name is not eligible as
//! far as we know; a reader says so with the day, because AWS adds services several times a year.

use serde::Deserialize;
use smol_str::SmolStr;

/// A service that may hold protected health information under a business associate addendum.
///
/// <https://aws.amazon.com/compliance/hipaa-eligible-services-reference/>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EligibleService {
    /// `Amazon Simple Storage Service`
    pub service: SmolStr,
    /// The namespaces of its CloudFormation types: `S3` for `AWS::S3::*`.
    pub namespaces: Vec<SmolStr>,
    /// Its IAM prefixes: `s3`.
    pub prefixes: Vec<SmolStr>,
    /// What AWS excludes.
    pub note: Option<SmolStr>,
}

/// The list, and the day on which AWS published it.
#[derive(Debug, Clone, Deserialize)]
pub struct EligibleServices {
    /// `YYYY-MM-DD`
    pub as_of: SmolStr,
    /// The page.
    pub source: SmolStr,
    /// The services, in AWS's order.
    pub rows: Vec<EligibleService>,
}

impl EligibleServices {
    /// The eligible services whose resources have types in the namespace of `type_name`. Several services can
    /// share one (`AWS::EC2`: Amazon EC2, Amazon EBS, Amazon VPC). Empty: none is listed.
    pub fn of_type<'s>(&'s self, type_name: &str) -> impl Iterator<Item = &'s EligibleService> {
        let namespace = type_name.split("::").nth(1).unwrap_or_default().to_owned();
        self.rows.iter().filter(move |row| row.namespaces.iter().any(|known| **known == namespace))
    }

    /// The eligible services with this IAM prefix.
    pub fn of_prefix<'s>(&'s self, prefix: &'s str) -> impl Iterator<Item = &'s EligibleService> {
        self.rows.iter().filter(move |row| row.prefixes.iter().any(|known| known == prefix))
    }
}
