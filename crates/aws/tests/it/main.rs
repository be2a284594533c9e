//! The client against a server that says what it is told to: what moto does not do, pages, conflicts, answers cut in half.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use aws::{Aws, Settings};
use deploy::{ChangeAction, Cloud as _, CloudError, Place, StackRequest};

mod drift;

type Script = dyn FnMut(&str) -> (u16, String) + Send;

/// Answers each request, head and body as one text, as the script says. `CUT` in front of a body: only half of it is sent.
fn server(mut script: Box<Script>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut text = Vec::new();
            let mut part = [0; 65_536];
            loop {
                let whole = String::from_utf8_lossy(&text).into_owned();
                if let Some((head, body)) = whole.split_once("\r\n\r\n") {
                    let length = head
                        .lines()
                        .find_map(|it| it.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                    if body.len() >= length.unwrap_or(0) {
                        break;
                    }
                }
                let read = stream.read(&mut part).unwrap();
                if read == 0 {
                    break;
                }
                text.extend_from_slice(&part[..read]);
            }
            let request = String::from_utf8_lossy(&text).into_owned();
            log.lock().unwrap().push(request.clone());
            let (status, body) = script(&request);
            let (body, sent) = match body.strip_prefix("CUT") {
                Some(body) => (body.to_owned(), body.len() / 2),
                None => (body.clone(), body.len()),
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\netag: \"v1\"\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body.as_bytes()[..sent]).unwrap();
        }
    });
    (address, seen)
}

fn client(address: &str) -> Aws {
    let address = address.to_owned();
    let environment = move |key: &str| match key {
        "AWS_ENDPOINT_URL" => Some(address.clone()),
        "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
        "AWS_REGION" => Some("eu-west-1".to_owned()),
        _ => None,
    };
    Aws::open(Settings { role: "Deployer".to_owned(), environment: Box::new(environment) }).unwrap()
}

const IDENTITY: &str = "<R><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ana</Arn><Account>111122223333</Account></GetCallerIdentityResult></R>";
const ASSUMED: &str = "<R><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>other</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>";

fn place() -> Place {
    Place::new("444455556666", "eu-central-1")
}

#[test]
fn an_account_is_entered_by_its_role_once_and_lists_are_read_to_their_end() {
    let stack = |name: &str, status: &str| {
        format!(
            "<member><StackName>{name}</StackName><StackId>arn:{name}</StackId><StackStatus>{status}</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Tags><member><Key>k</Key><Value>v</Value></member></Tags></member>"
        )
    };
    let (address, seen) = server(Box::new(move |request| {
        let body = match request {
            it if it.contains("GetCallerIdentity") => IDENTITY.to_owned(),
            it if it.contains("AssumeRole") => ASSUMED.to_owned(),
            it if it.contains("NextToken=more") => format!(
                "<R><Stacks>{}{}</Stacks></R>",
                stack("b", "CREATE_COMPLETE"),
                stack("StackSet-x", "CREATE_COMPLETE")
            ),
            _ => format!(
                "<R><Stacks>{}{}</Stacks><NextToken>more</NextToken></R>",
                stack("a", "UPDATE_COMPLETE"),
                stack("old", "DELETE_COMPLETE")
            ),
        };
        (200, body)
    }));
    let cloud = client(&address);
    let names: Vec<String> = cloud.stacks(&place()).unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(cloud.stacks(&place()).unwrap()[0].tags["k"], "v");
    let seen = seen.lock().unwrap();
    let assumed: Vec<_> = seen.iter().filter(|it| it.contains("AssumeRole")).collect();
    assert_eq!(assumed.len(), 1, "what was handed out is kept until it expires");
    assert!(assumed[0].contains("arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2FDeployer"));
    let last = seen.last().unwrap();
    assert!(
        last.contains("Credential=ASIAEXAMPLE/")
            && last.contains("/eu-central-1/cloudformation/aws4_request"),
        "{last}"
    );
    assert!(last.contains("x-amz-security-token: token"));
}

#[test]
fn what_failed_is_told_apart() {
    let answers = [
        (
            400,
            "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
        ),
        (
            400,
            "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id x does not exist</Message></Error></ErrorResponse>",
        ),
        (403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"),
        (502, "<html>Bad Gateway</html>"),
        (200, "CUT<R><Stacks><member><StackName>x</StackName></member></Stacks></R>"),
        (200, "<R><Stacks><member>"),
    ];
    let mut turn = 0;
    let (address, _) = server(Box::new(move |request| {
        if request.contains("GetCallerIdentity") {
            return (200, IDENTITY.to_owned());
        }
        turn += 1;
        let (status, body) = answers[turn - 1];
        (status, body.to_owned())
    }));
    let cloud = client(&address);
    let here = Place::new("111122223333", "eu-west-1");
    let next = || cloud.stack(&here, "x");
    assert!(matches!(next(), Err(CloudError::Throttled { .. })));
    assert_eq!(next(), Ok(None));
    assert!(matches!(next(), Err(CloudError::Refused { code, .. }) if code == "AccessDenied"));
    assert!(matches!(next(), Err(CloudError::Transient(_))));
    assert!(matches!(next(), Err(CloudError::Transient(_))), "half an answer");
    assert!(matches!(next(), Err(CloudError::Transient(_))), "an answer that ends too soon");
}

#[test]
fn a_write_compares_before_it_sets() {
    let (address, seen) = server(Box::new(|request| {
        let first = request.lines().next().unwrap_or_default();
        match first {
            it if request.contains("GetCallerIdentity") && it.starts_with("POST") => {
                (200, IDENTITY.to_owned())
            }
            it if it.contains("?location") => {
                (200, "<LocationConstraint>eu-north-1</LocationConstraint>".to_owned())
            }
            it if it.starts_with("GET") && it.contains("/state/lock/held") => (200, "ana".to_owned()),
            it if it.starts_with("GET") && it.contains("/state/lock/removed") => (200, String::new()),
            it if it.starts_with("GET") => (404, "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
            _ if request.contains("if-match: \"old\"") => {
                (412, "<Error><Code>PreconditionFailed</Code></Error>".to_owned())
            }
            _ => (200, String::new()),
        }
    }));
    let cloud = client(&address);
    assert_eq!(cloud.read("lock/free").unwrap(), None);
    assert_eq!(cloud.read("lock/removed").unwrap(), None, "what was removed is not there");
    assert_eq!(cloud.read("lock/held").unwrap().unwrap().text, "ana");
    assert!(matches!(cloud.write("lock/held", "ben", None), Err(CloudError::Conflict(_))));
    assert!(matches!(cloud.write("lock/held", "ben", Some("\"old\"")), Err(CloudError::Conflict(_))));
    cloud.write("lock/free", "ben", None).unwrap();
    assert!(seen.lock().unwrap().last().unwrap().contains("if-none-match: *"));
    cloud.write("lock/removed", "ben", None).unwrap();
    let seen = seen.lock().unwrap();
    let last = seen.last().unwrap();
    assert!(last.contains("if-match: \"v1\"") && last.contains("/eu-north-1/s3/aws4_request"), "{last}");
    assert!(last.contains("x-amz-expected-bucket-owner: 111122223333"));
}

#[test]
fn a_change_set_is_read_whole_and_a_taken_name_is_not_taken_again() {
    let change = |id: &str, action: &str, replacement: &str| {
        format!(
            "<member><ResourceChange><Action>{action}</Action><LogicalResourceId>{id}</LogicalResourceId><ResourceType>AWS::S3::Bucket</ResourceType><Replacement>{replacement}</Replacement><Details><member><Target><Name>Tags</Name></Target></member></Details></ResourceChange></member>"
        )
    };
    let (address, seen) = server(Box::new(move |request| {
        let body = match request {
            it if it.contains("GetCallerIdentity") => IDENTITY.to_owned(),
            it if it.contains("Action=DescribeStacks") => "<R><Stacks><member><StackName>s</StackName><StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks></R>".to_owned(),
            it if it.contains("Action=CreateChangeSet") => "<R><Id>arn</Id></R>".to_owned(),
            it if it.contains("ChangeSetName=c-2") && it.contains("NextToken=t") => format!("<R><Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus><Changes>{}</Changes></R>", change("Two", "Modify", "True")),
            it if it.contains("ChangeSetName=c-2") => format!("<R><Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus><Changes>{}</Changes><NextToken>t</NextToken></R>", change("One", "Add", "")),
            _ => "<R><Status>CREATE_COMPLETE</Status><ExecutionStatus>EXECUTE_COMPLETE</ExecutionStatus></R>".to_owned(),
        };
        (200, body)
    }));
    let request = StackRequest {
        name: "s".to_owned(),
        change_set: "c".to_owned(),
        template: Arc::from("{}"),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        capabilities: Vec::new(),
        import: Vec::new(),
        revert_drift: false,
    };
    let set = client(&address).prepare(&Place::new("111122223333", "eu-west-1"), &request).unwrap();
    assert_eq!((set.name.as_str(), set.empty), ("c-2", false));
    let actions: Vec<ChangeAction> = set.changes.iter().map(|it| it.action).collect();
    assert_eq!(actions, [ChangeAction::Add, ChangeAction::Replace]);
    assert_eq!(set.changes[0].properties, ["Tags"]);
    assert!(!seen.lock().unwrap().iter().any(|it| it.contains("CreateChangeSet")), "it is prepared already");
}

#[test]
fn without_credentials_it_says_where_it_looked() {
    let environment = |key: &str| (key == "AWS_EC2_METADATA_DISABLED").then(|| "true".to_owned());
    let cloud = Aws::open(Settings { role: "r".to_owned(), environment: Box::new(environment) }).unwrap();
    let error = cloud.caller().unwrap_err().to_string();
    assert!(error.contains("neither in the environment nor in a profile"), "{error}");
}
