//! The small tables.

use std::collections::BTreeSet;

use catalog::{Catalog, Support};

fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').map(str::len).collect();
    parts == [4, 2, 2] && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

#[test]
fn regions_have_partitions_and_zones() {
    let catalog = Catalog::shared();
    let virginia = catalog.region("us-east-1").unwrap();
    assert_eq!((virginia.partition.as_str(), virginia.opt_in, virginia.zones.len()), ("aws", false, 6));
    assert_eq!(virginia.zones[0], "use1-az1");
    assert_eq!(catalog.region("ca-central-1").unwrap().zones, ["cac1-az1", "cac1-az2", "cac1-az4"]);
    assert!(catalog.region("eu-south-1").unwrap().opt_in);
    assert_eq!(catalog.region("us-gov-west-1").unwrap().partition, "aws-us-gov");
    assert!(catalog.region("us-east-3").is_none());
    let in_aws = catalog.regions().iter().filter(|region| region.partition == "aws");
    assert_eq!(in_aws.clone().count(), 34);
    assert!(in_aws.clone().all(|region| region.zones.len() >= 3));
    assert!(catalog.regions().is_sorted_by_key(|region| region.code.clone()));
    let zones: Vec<_> = catalog.regions().iter().flat_map(|region| &region.zones).collect();
    assert_eq!(zones.iter().collect::<BTreeSet<_>>().len(), zones.len());
}

#[test]
fn runtimes_have_dates() {
    let catalog = Catalog::shared();
    let node = catalog.runtime("nodejs18.x").unwrap();
    assert!(node.is_deprecated_on("2025-09-01") && !node.is_deprecated_on("2025-08-31"));
    assert_eq!(node.successor.as_deref(), Some("nodejs24.x"));
    assert!(catalog.runtime("nodejs23.x").is_none());
    for runtime in catalog.runtimes() {
        let dates = [&runtime.deprecated, &runtime.create_blocked, &runtime.update_blocked];
        assert!(dates.into_iter().flatten().all(|date| is_date(date)), "{runtime:?}");
        assert!(runtime.successor.as_ref().is_none_or(|name| catalog.runtime(name).is_some()), "{runtime:?}");
    }
    // The runtimes that the schema allows and of which AWS had announced no date when the table was made.
    let schema = catalog.resource_type("AWS::Lambda::Function").unwrap();
    let property = schema.node(schema.property(schema.root(), "Runtime").unwrap());
    let allowed = property.values.as_ref().unwrap();
    let undated: Vec<_> = allowed.strings.iter().filter(|name| catalog.runtime(name).is_none()).collect();
    assert_eq!(undated, ["java11.al2023", "java17.al2023", "java8.al2023", "nodejs26.x", "python3.15"]);
}

#[test]
fn engines_have_ends_of_support() {
    let catalog = Catalog::shared();
    let check = |name, engine, version, day, expected: Option<Support>| {
        let found = catalog.engine_version(name, engine, version).map(|version| version.support_on(day));
        assert_eq!(found, expected, "{name} {engine:?} {version} on {day}");
    };
    let day = "2026-11-21";
    check("AWS::RDS::DBInstance", Some("postgres"), "16.4", day, Some(Support::Standard));
    check("AWS::RDS::DBInstance", Some("postgres"), "12", day, Some(Support::Extended));
    check("AWS::RDS::DBInstance", Some("postgres"), "9.6.22", day, Some(Support::Ended));
    check("AWS::RDS::DBInstance", Some("postgres"), "1", day, None);
    check("AWS::RDS::DBInstance", Some("postgres"), "160", day, None);
    check(
        "AWS::RDS::DBCluster",
        Some("aurora-mysql"),
        "5.7.mysql_aurora.2.11.4",
        day,
        Some(Support::Extended),
    );
    check(
        "AWS::RDS::DBCluster",
        Some("aurora-mysql"),
        "8.0.mysql_aurora.3.08.0",
        day,
        Some(Support::Standard),
    );
    check("AWS::OpenSearchService::Domain", None, "OpenSearch_2.9", day, Some(Support::Ended));
    check("AWS::OpenSearchService::Domain", None, "OpenSearch_2.11", day, Some(Support::Standard));
    check("AWS::Elasticsearch::Domain", None, "7.10", day, Some(Support::Standard));
    check("AWS::EKS::Cluster", None, "1.30", day, Some(Support::Ended));
    check("AWS::EKS::Cluster", None, "1.35", day, Some(Support::Standard));
    check("AWS::ElastiCache::ReplicationGroup", None, "5.0.6", day, Some(Support::Extended));
    check("AWS::ElastiCache::ReplicationGroup", Some("valkey"), "8.0", day, None);
    for version in catalog.engine_versions() {
        let dates = [&version.standard_end, &version.extended_end];
        assert!(dates.into_iter().flatten().all(|date| is_date(date)), "{version:?}");
        assert!(version.source.starts_with("https://docs.aws.amazon.com/"), "{version:?}");
        assert!(version.extended_end.is_none() || version.extended_end > version.standard_end, "{version:?}");
    }
}

#[test]
fn versioned_properties_are_properties() {
    let catalog = Catalog::shared();
    for name in catalog.type_names() {
        let Some(versioned) = catalog.versioned(name) else { continue };
        let schema = catalog.resource_type(name).unwrap();
        for property in versioned.engine_property.iter().chain([&versioned.version_property]) {
            assert!(schema.property(schema.root(), property).is_some(), "{property} of {name}");
        }
    }
}

#[test]
fn quotas_are_cloudformations() {
    let quotas = Catalog::shared().quotas();
    assert_eq!((quotas.resources, quotas.outputs, quotas.parameters, quotas.mappings), (500, 200, 200, 200));
    assert_eq!((quotas.template_body_request_bytes, quotas.template_body_s3_bytes), (51_200, 1_000_000));
}

#[test]
fn eligible_services_name_real_namespaces_and_prefixes() {
    let catalog = Catalog::shared();
    let list = catalog.hipaa();
    assert_eq!((list.rows.len(), list.as_of.as_str()), (173, "2026-05-22"));
    let namespaces: BTreeSet<_> = catalog.type_names().filter_map(|name| name.split("::").nth(1)).collect();
    for row in &list.rows {
        assert!(row.namespaces.iter().all(|name| namespaces.contains(name.as_str())), "{row:?}");
        assert!(row.prefixes.iter().all(|prefix| catalog.iam().service(prefix).is_some()), "{row:?}");
    }
    assert_eq!(list.of_type("AWS::S3::Bucket").count(), 1);
    assert_eq!(list.of_type("AWS::EC2::VPC").count(), 3);
    assert_eq!(list.of_type("AWS::AppRunner::Service").count(), 0);
    assert_eq!(list.of_prefix("kms").count(), 1);
}
