//! A workload as it is written.

use super::Because;
use crate::Spanned;
use crate::reader::{Many, Texts};
use crate::record::{choice, record};
use crate::scalars::{Copies, Image, Name, Number, Text, Word};

record! {
    /// Something that runs. What it is reached from and what it uses decides every rule, role and key grant it gets.
    pub struct Workload "a workload" {
        /// What it does, for people.
        title as "title": Option<Spanned<Text>>,
        /// How it runs. Changing this one word changes how it is deployed, and nothing else.
        runs_on as "runs-on": Spanned<RunsOn>,
        /// Its container image in a private Amazon ECR registry, with tag or digest. Default: the repository of its own
        /// that Steward makes.
        image as "image": Option<Spanned<Image>>,
        /// How much machine each copy has. Default: by tier.
        size as "size": Option<Spanned<Size>>,
        /// How many copies run: `3`, or `3 to 24` as load asks. Default: by tier.
        copies as "copies": Option<Spanned<Copies>>,
        /// The port that it listens on.
        port as "port": Option<Spanned<Number<1, 65535>>> = 8443,
        /// What it speaks on that port. `http` needs `because:`; its visitors always speak TLS.
        protocol as "protocol": Option<Spanned<Protocol>> = "https",
        /// The path that answers when it is well.
        health as "health": Option<Spanned<HealthPath>> = "/health",
        /// Who may reach it: `internet`, or `inside` for everything in its own environment's network. Workloads
        /// that use it reach it anyway. Default: nobody else.
        reached_from as "reached-from": Many<Word>,
        /// The label of its host name beneath the environment's domain, where it is not its name; `@` is the domain itself.
        host as "host": Option<Spanned<Host>>,
        /// Stores that it reads and writes, and workloads that it calls.
        uses as "uses": Many<Word>,
        /// Stores that it only reads.
        reads as "reads": Many<Word>,
        /// Stores that it only writes.
        writes as "writes": Many<Word>,
        /// The environments it runs in. Default: all, except those of tier sandbox.
        environments as "environments": Many<Word>,
        /// Its environment variables. Nothing secret.
        settings as "settings": Texts,
        /// Tags on it.
        tags as "tags": Texts,
        /// Why an unsafe choice is right here.
        because as "because": Option<Spanned<Because>>,
    }
    planned {
        "secrets": "secrets from Secrets Manager, rotated",
        "schedule": "running at set times",
        "events": "running when something happens",
        "calls": "domains on the internet that it may call",
        "edge": "CloudFront, Shield and WAF before it",
        "sign-in": "Cognito or the company's directory before it",
        "tenants": "the claim that keeps its tenants apart",
        "objectives": "latency and availability that gate its releases",
        "alarms": "alarms of its own",
    }
}

choice! {
    /// How a workload runs.
    pub enum RunsOn "a way to run" {
        /// Containers on Amazon ECS with Fargate: no machines to keep.
        Fargate = "fargate",
    }
    planned {
        "lambda": "functions on AWS Lambda",
        "instances": "EC2 instances in an autoscaling group",
        "kubernetes": "pods on an Amazon EKS cluster",
        "site": "static files behind CloudFront",
    }
}

choice! {
    /// How much machine. `docs/blueprint.md` has the table of what each size is.
    pub enum Size "a size" {
        /// The least that runs.
        Small = "small",
        /// Enough for most.
        Medium = "medium",
        /// Four times medium.
        Large = "large",
        /// Four times large.
        Xlarge = "xlarge",
    }
    planned {}
}

choice! {
    /// What a workload speaks on its port.
    pub enum Protocol "a protocol" {
        /// HTTP over TLS.
        Https = "https",
        /// HTTP in the clear, inside the environment's network only.
        Http = "http",
    }
    planned {
        "grpc": "gRPC over TLS",
        "tcp": "TLS over TCP behind a network load balancer",
    }
}

mod words {
    //! Two small texts that only a workload has.

    use diagnostics::{Diagnostic, Diagnostics};
    use document::Node;
    use serde_json::{Value, json};
    use smol_str::SmolStr;

    use super::Name;
    use crate::codes::BAD_VALUE;
    use crate::reader::{Decode, Definitions, wrong_type};

    /// The path of a health check.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HealthPath(pub SmolStr);

    impl Decode for HealthPath {
        fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
            const EXPECTED: &str = "a path that begins with `/`, at most 1024 characters";
            let Some(text) = node.as_str() else {
                diagnostics.push(wrong_type(node, EXPECTED));
                return None;
            };
            let good = text.starts_with('/')
                && text.len() <= 1024
                && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !good {
                let message = format!("`{text}` is not a path of a health check");
                diagnostics.push(Diagnostic::error(BAD_VALUE, node.span, message).expected(EXPECTED));
            }
            good.then(|| Self(text.into()))
        }

        fn schema(_: &mut Definitions) -> Value {
            json!({ "type": "string", "pattern": r"^/[!-~]{0,1023}$" })
        }
    }

    /// The label of a host name.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Host {
        /// The environment's domain itself, `@`.
        Apex,
        /// A label beneath it.
        Label(Name),
    }

    impl Decode for Host {
        fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
            if node.as_str() == Some("@") {
                Some(Self::Apex)
            } else {
                Name::decode(node, diagnostics).map(Self::Label)
            }
        }

        fn schema(definitions: &mut Definitions) -> Value {
            let label = Name::schema(definitions);
            json!({ "anyOf": [{ "const": "@" }, label] })
        }
    }
}

pub use words::{HealthPath, Host};
