//! Resource schemas.

use std::collections::BTreeSet;

use catalog::{
    Additional, Availability, Catalog, NodeId, PropertyPath, RefMeaning, ResourceSchema, SchemaNode, Step,
    Types,
};

fn schema(name: &str) -> &'static ResourceSchema {
    Catalog::shared().resource_type(name).unwrap_or_else(|| panic!("no {name}"))
}

fn node(name: &str, path: &str) -> &'static SchemaNode {
    let schema = schema(name);
    schema.node(schema.at(&PropertyPath::parse(path)).unwrap_or_else(|| panic!("no {path} in {name}")))
}

/// Every type decodes, every `$ref` is followed, every pattern has an engine.
#[test]
fn every_type_and_every_pattern_compiles() {
    let catalog = Catalog::shared();
    let (mut types, mut patterns, mut refused) = (0, 0, Vec::new());
    for name in catalog.type_names() {
        let schema = catalog.resource_type(name).unwrap();
        types += 1;
        for (_, node) in schema.nodes() {
            let own = node.string.iter().filter_map(|string| string.pattern.as_ref());
            let names =
                node.object.iter().flat_map(|object| object.patterns.iter().map(|(pattern, _)| pattern));
            for pattern in own.chain(names) {
                patterns += 1;
                if let Some(reason) = pattern.refusal() {
                    refused.push(format!("{name}: {} ({reason})", pattern.source()));
                }
            }
        }
    }
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(types, 1898);
    assert!(patterns > 9000, "{patterns}");
}

#[test]
fn a_bucket_has_the_properties_that_everybody_knows() {
    let bucket = schema("AWS::S3::Bucket");
    let rule = "BucketEncryption/ServerSideEncryptionConfiguration/*/ServerSideEncryptionByDefault";
    let algorithm = node("AWS::S3::Bucket", &format!("{rule}/SSEAlgorithm"));
    let values = algorithm.values.as_ref().unwrap();
    assert!(values.allows_text("aws:kms") && values.allows_text("AES256") && !values.allows_text("DES"));
    let by_default = node("AWS::S3::Bucket", rule).object.as_ref().unwrap();
    assert_eq!(&*by_default.required, ["SSEAlgorithm"]);
    assert_eq!(by_default.additional, Additional::None);
    assert_eq!(node("AWS::S3::Bucket", "VersioningConfiguration").types, Types::OBJECT);
    assert!(bucket.property(bucket.root(), "Verisoning").is_none());
    assert!(bucket.is_taggable());
    assert!(bucket.is_stateful());
    assert!(bucket.has_handler("create") && bucket.has_handler("list"));
}

#[test]
fn get_att_knows_the_attributes() {
    let names = |name| schema(name).attributes().iter().map(|a| a.name.to_string()).collect::<BTreeSet<_>>();
    let database = names("AWS::RDS::DBInstance");
    for attribute in ["Endpoint.Address", "Endpoint.Port", "DBInstanceArn", "MasterUserSecret.SecretArn"] {
        assert!(database.contains(attribute), "{attribute} of {database:?}");
    }
    assert!(names("AWS::S3::Bucket").is_superset(&["Arn", "DomainName"].map(String::from).into()));
    assert!(schema("AWS::CloudFormation::Stack").has_attribute("Outputs.VpcId"));
    assert!(!schema("AWS::CloudFormation::Stack").has_attribute("VpcId"));
    assert!(schema("Custom::Anything").has_attribute("Whatever.It.Likes"));
    // Only cfn-lint knows that these properties can be read back.
    assert!(schema("AWS::SSM::Parameter").has_attribute("Value"));
    assert!(schema("AWS::SNS::Topic").has_attribute("TopicName"));
    assert!(!schema("AWS::S3::Bucket").has_attribute("BucketName"));
}

#[test]
fn ref_returns_what_the_reference_says() {
    let check = |name: &str, expected: &str| {
        let join = |paths: &[PropertyPath], with: &str| {
            paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(with)
        };
        let meaning = match schema(name).ref_meaning() {
            RefMeaning::Property(path) => path.to_string(),
            RefMeaning::Joined(paths) => join(paths, "|"),
            RefMeaning::Unread(paths) => join(paths, " or "),
            RefMeaning::Unstated => String::new(),
        };
        assert_eq!(meaning, expected, "{name}");
    };
    check("AWS::S3::Bucket", "BucketName");
    check("AWS::SNS::Topic", "TopicArn");
    check("AWS::Lambda::Version", "FunctionArn");
    // The registry's identifier is RestApiId and StageName, or an ARN.
    check("AWS::ApiGateway::Stage", "StageName");
    check("AWS::Events::Rule", "Name");
    check("AWS::WAFv2::WebACL", "Name|Id|Scope");
    check("AWS::EC2::Route", "RouteTableId or CidrBlock");
    // Every row of the table names properties of its type.
    for name in Catalog::shared().type_names() {
        if let RefMeaning::Property(path) = schema(name).ref_meaning() {
            assert!(schema(name).at(path).is_some(), "{path} of {name}");
        }
    }
}

#[test]
fn paths_of_lists_pass_through_their_elements() {
    let volumes = PropertyPath::parse("AdditionalStorageVolumes/*/StorageOperationStatus");
    let read_only = schema("AWS::RDS::DBInstance").read_only();
    assert!(read_only.list().contains(&volumes));
    let tree = read_only.tree();
    let list = tree.name(tree.root(), "AdditionalStorageVolumes").unwrap();
    assert!(!tree.holds(list));
    let element = tree.each(list).unwrap();
    assert!(tree.holds(tree.name(element, "StorageOperationStatus").unwrap()));
    assert!(schema("AWS::S3::Bucket").create_only().list().contains(&PropertyPath::parse("BucketName")));
}

/// Recursive definitions become cycles of nodes: every path of any length has an end to its schema.
#[test]
fn recursive_schemas_are_finite() {
    // A WAF statement holds statements.
    let acl = schema("AWS::WAFv2::WebACL");
    let deeper = "AndStatement/Statements/*/NotStatement/Statement/".repeat(40);
    let path = PropertyPath::parse(&format!("Rules/*/Statement/{deeper}IPSetReferenceStatement/Arn"));
    assert!(acl.at(&path).is_some());
    // No node names a node that is not there.
    for name in
        ["AWS::WAFv2::WebACL", "AWS::WAFv2::RuleGroup", "AWS::CE::CostCategory", "AWS::QuickSight::Dashboard"]
    {
        let schema = schema(name);
        let count = schema.nodes().count();
        let known = |id: &NodeId| schema.nodes().any(|(other, _)| other == *id);
        assert!(
            schema
                .nodes()
                .filter_map(|(_, node)| node.object.as_ref())
                .take(50)
                .all(|object| object.properties.iter().all(|(_, id)| known(id)))
        );
        assert!(count < 5000, "{name}: {count}");
    }
}

#[test]
fn patterns_mean_what_their_authors_meant() {
    let check = |name: &str, path: &str, yes: &[&str], no: &[&str]| {
        let pattern = node(name, path).string.as_ref().and_then(|string| string.pattern.as_ref()).unwrap();
        for text in yes {
            assert_eq!(pattern.is_match(text), Some(true), "{} on {text}", pattern.source());
        }
        for text in no {
            assert_eq!(pattern.is_match(text), Some(false), "{} on {text}", pattern.source());
        }
    };
    // Look-around.
    check("AWS::EFS::AccessPoint", "RootDirectory/Path", &["/", "/data/reports"], &["data", "/./x"]);
    // A class with surrogate pairs, and a count.
    check("AWS::KMS::Alias", "AliasName", &["alias/data"], &["data", "alias/aws data!"]);
    check("AWS::Lambda::Function", "Role", &["arn:aws:iam::123456789012:role/app"], &["app"]);
    check("AWS::ECR::Repository", "RepositoryName", &["team/app"], &["Team/App"]);
}

#[test]
fn combined_schemas_show_the_properties_of_their_branches() {
    // `SSESpecification` is a reference with keywords beside it, items of a list, or behind `oneOf`.
    for (name, path) in [
        ("AWS::EC2::Instance", "BlockDeviceMappings/*/Ebs/KmsKeyId"),
        ("AWS::DynamoDB::Table", "KeySchema/*/AttributeName"),
        ("AWS::Lambda::Function", "Environment/Variables/ANYTHING"),
        ("AWS::SSM::Parameter", "Tags/owner"),
        ("AWS::IAM::Role", "AssumeRolePolicyDocument"),
    ] {
        let schema = schema(name);
        assert!(schema.at(&PropertyPath::parse(path)).is_some(), "{path} of {name}");
    }
}

#[test]
fn cfn_lints_rules_come_along() {
    let rules = schema("AWS::RDS::DBInstance").rules();
    assert!(
        rules.iter().any(|rule| rule.id == "E3720"),
        "{:?}",
        rules.iter().map(|r| &r.id).collect::<Vec<_>>()
    );
    let of_listeners = schema("AWS::ElasticLoadBalancing::LoadBalancer").rules();
    assert!(of_listeners.iter().any(|rule| rule.at.steps().contains(&Step::Each)));
    for name in Catalog::shared().type_names() {
        let schema = schema(name);
        for rule in schema.rules() {
            assert!(schema.at(&rule.at).is_some(), "{name} {} {}", rule.id, rule.at);
        }
    }
}

#[test]
fn availability_is_what_the_regions_say() {
    let availability = |name, region| Catalog::shared().availability(name, region);
    assert_eq!(availability("AWS::S3::Bucket", "us-east-1"), Availability::Available);
    assert_eq!(availability("AWS::DeviceFarm::Project", "us-east-1"), Availability::Absent);
    assert_eq!(availability("AWS::DeviceFarm::Project", "us-west-2"), Availability::Available);
    // Nobody outside can ask the registry of an isolated Region.
    assert_eq!(availability("AWS::S3::Bucket", "us-iso-east-1"), Availability::Unknown);
    assert_eq!(availability("AWS::No::Type", "us-east-1"), Availability::Unknown);
}

/// The paths that the registry writes lead somewhere, with few known exceptions: the registry names
/// properties that its own schema does not have.
#[test]
fn nearly_every_path_leads_to_a_property() {
    let (mut all, mut lost) = (0, 0);
    for name in Catalog::shared().type_names() {
        let schema = schema(name);
        let lists =
            [schema.read_only(), schema.create_only(), schema.write_only(), schema.conditional_create_only()];
        for path in lists.iter().flat_map(|list| list.list()) {
            all += 1;
            lost += usize::from(schema.at(path).is_none());
        }
    }
    println!("{lost} of {all} paths lead nowhere");
    assert!(lost * 100 < all * 2, "{lost} of {all}");
}

#[test]
fn provenance_is_recorded() {
    let source = Catalog::shared().provenance();
    assert_eq!((source.package.as_str(), source.licence.as_str()), ("cfn-lint", "MIT-0"));
    assert_eq!(Catalog::shared().iam().provenance().licence, "MIT");
}

/// Prints what `cargo test -p catalog -- --ignored --nocapture timing` measures.
#[test]
#[ignore = "a measurement, not a check"]
fn timing() {
    let start = std::time::Instant::now();
    let catalog = Catalog::shared();
    println!("open: {:?}", start.elapsed());
    let names: Vec<_> = catalog.type_names().step_by(63).collect();
    let start = std::time::Instant::now();
    for name in &names {
        catalog.resource_type(name).unwrap();
    }
    println!("{} types: {:?}", names.len(), start.elapsed());
    for name in
        ["AWS::S3::Bucket", "AWS::EC2::Instance", "AWS::RDS::DBInstance", "AWS::QuickSight::Dashboard"]
    {
        let one = std::time::Instant::now();
        let schema = catalog.resource_type(name).unwrap();
        println!("{name}: {:?}, {} nodes", one.elapsed(), schema.nodes().count());
    }
    let start = std::time::Instant::now();
    for _ in 0..150_000 {
        std::hint::black_box(catalog.resource_type(std::hint::black_box("AWS::S3::Bucket")));
    }
    println!("150,000 look-ups of a decoded type: {:?}", start.elapsed());
    let start = std::time::Instant::now();
    let nodes: usize =
        catalog.type_names().map(|name| catalog.resource_type(name).unwrap().nodes().count()).sum();
    println!("all types: {:?}, {nodes} nodes of {} bytes", start.elapsed(), size_of::<SchemaNode>());
    let start = std::time::Instant::now();
    let actions = catalog.iam().actions_matching("*").len();
    println!("all {actions} IAM actions: {:?}", start.elapsed());
}
