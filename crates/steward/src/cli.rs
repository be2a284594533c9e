//! The command line.

mod cloud;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use cloud::{
    Adopt, Apply, CloudKind, CloudOptions, Destroy, Drift, Empty, History, Local, LocalAction, PlanOptions,
    Running, Status,
};

/// Compile, prove and audit regulated AWS estates.
#[derive(Debug, Parser)]
#[command(
    name = "steward",
    version,
    about = "Compile, prove and audit regulated AWS estates",
    long_about = "Steward compiles a short file, the blueprint, to a whole AWS estate, and proves what you rely on before \
                  anything is deployed. It proves the same of CloudFormation templates that it did not write.\n\n\
                  It needs no AWS account, no network and no credentials.",
    after_help = "Exit status: 0 good; 1 a guarantee does not hold; 2 the input or the call has mistakes.",
    after_long_help = "Examples:\n  \
        steward init my-company          begin with a commented, working blueprint\n  \
        steward check my-company         compile it, prove it, show the verdicts\n  \
        steward build my-company -o out  write CloudFormation templates\n  \
        steward audit templates/         judge templates that somebody else wrote\n  \
        steward explain                  every guarantee and every message\n\n\
        Exit status: 0 good; 1 a guarantee does not hold; 2 the input or the call has mistakes."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Form of the output
    #[arg(long, value_enum, default_value_t, global = true, value_name = "FORMAT")]
    pub format: Format,
    /// Whether the form was asked for, and not taken by default
    #[arg(skip)]
    pub format_given: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub color: ColorChoice,
    /// Say only what came of it, in one line
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show every finding, also those that repeat
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Columns to write in (default: the terminal's, else 100)
    #[arg(long, global = true, value_name = "COLUMNS")]
    pub width: Option<usize>,
    /// The day to judge by: ends of support, expiries (default: today)
    #[arg(long, global = true, value_name = "YYYY-MM-DD")]
    pub as_of: Option<String>,
}

/// Form of the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs; docs/commands.md describes it
    Json,
    /// SARIF 2.1.0, for code-scanning services
    Sarif,
    /// Comma-separated values, of `trace` and `reach`
    Csv,
    /// A picture, of `reach`
    Svg,
    /// For a merge request, of `plan`
    Markdown,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented, working blueprint to begin with
    #[command(
        after_help = "Examples:\n  steward init my-company\n  steward init my-clinic --template clinical-ai\n  \
                            steward init --list"
    )]
    Init(Init),
    /// Compile a blueprint, prove its guarantees and show the verdicts
    #[command(
        after_help = "Examples:\n  steward check examples/clinical-ai\n  steward check --format sarif > results.sarif\n  \
                            steward check --fail-on unknown\n\nA folder of templates is audited: see `steward audit --help`."
    )]
    Check(Check),
    /// Write CloudFormation templates for each account, region and stack
    #[command(
        after_help = "Examples:\n  steward build examples/clinical-ai -o out\n  steward build -o out --yaml --locked\n\n\
                            The folder is written whole or not at all, and only over what Steward wrote before."
    )]
    Build(Build),
    /// Prove the same of CloudFormation templates that Steward did not write
    #[command(
        after_help = "Examples:\n  steward audit templates/\n  steward audit main.yaml --parameters prod.json --region eu-west-1\n  \
                            steward audit templates/ --defaults\n\nA parameter that nobody gives a value is an unknown, and what is proved holds for \
                            every value\nof it. --parameters gives values; --defaults takes the templates' own defaults for the rest."
    )]
    Audit(Audit),
    /// Follow a packet and its reply through the network, or show everything that stops them
    #[command(
        after_help = "Examples:\n  steward trace examples/clinical-ai --from internet --to prod/records:5432\n  \
                            steward trace recorded/ --from 10.0.1.20 --to 10.8.0.4:443\n  \
                            steward trace recorded/ --batch flows.csv --format csv\n\nAn end is an address, `internet`, an office, or the name or id of a host, subnet, VPC,\n\
                            environment, workload or unit. A batch has the columns source,destination,protocol,port."
    )]
    Trace(Trace),
    /// Show who reaches whom: a matrix for the terminal, or a map as SVG
    #[command(
        after_help = "Examples:\n  steward reach examples/clinical-ai\n  steward reach --by tier --from internet\n  \
                            steward reach --by account --format csv -o reach.csv\n  steward reach --format svg -o map.svg\n\n\
                            Where nothing stands, it is proved that no packet is answered; what depends on something unknown says on what."
    )]
    Reach(Reach),
    /// Explain a guarantee, a message, a control, or a resource of an estate
    #[command(
        after_help = "Examples:\n  steward explain\n  steward explain encryption-at-rest\n  steward explain BP0104\n  \
                            steward explain '164.312(e)(1)'\n  steward explain RecordsDatabase examples/clinical-ai"
    )]
    Explain(Explain),
    /// Show everybody who may do something to a resource, by which chain of statements and roles
    #[command(
        after_help = "Examples:\n  steward who-can kms:Decrypt RecordsKey examples/clinical-ai\n  steward who-can s3:GetObject arn:aws:s3:::reports templates/"
    )]
    WhoCan(WhoCan),
    /// Show whether one principal may do something to a resource, and why
    #[command(
        after_help = "Example:\n  steward can role/Deployer rds:DeleteDBInstance RecordsDatabase examples/clinical-ai"
    )]
    Can(Can),
    /// Judge IAM policies by themselves
    #[command(subcommand)]
    Policy(Policy),
    /// Show what will change in the cloud, and what of it is dangerous
    #[command(
        after_help = "Examples:\n  steward plan examples/clinical-ai\n  steward plan --format markdown > plan.md\n  \
                            steward plan -o plan.json && steward apply plan.json --yes\n\nThe cloud is the local one unless --cloud says another."
    )]
    Plan(PlanOptions),
    /// Make the cloud have what the blueprint says
    #[command(
        after_help = "Examples:\n  steward apply examples/clinical-ai --yes\n  steward apply --only clinical-production --parallel 4\n  \
                            steward apply plan.json --blueprint . --yes\n\nInterrupted at any moment it is continued by running it again."
    )]
    Apply(Apply),
    /// Take resources that exist into the estate, where that changes nothing
    #[command(after_help = "Examples:\n  steward adopt examples/clinical-ai\n  \
                            steward adopt --id production/us-east-1/production-network/Vpc=vpc-0a1b2c3d4e5f --yes\n\n\
                            A resource is found by its name, where the template says one, or by --id. It is compared property by property.")]
    Adopt(Adopt),
    /// Show what differs from what was deployed, who did it, and how much was looked at
    #[command(
        after_help = "Examples:\n  steward drift examples/clinical-ai\n  steward drift --exit-code\n  steward drift --repair --yes"
    )]
    Drift(Drift),
    /// Show what is deployed where
    Status(Status),
    /// Show who deployed what and when, and whether the records are whole
    History(History),
    /// Delete everything in an account that is a playground, and only there
    #[command(after_help = "Example:\n  steward empty sandbox/playground --yes")]
    Empty(Empty),
    /// Delete what was deployed of an estate
    #[command(after_help = "Example:\n  steward destroy --allow destroy:production --allow 'delete:*' --yes")]
    Destroy(Destroy),
    /// Look into the local cloud, or change it behind everybody's back
    #[command(after_help = "Examples:\n  steward local show RecordsDatabase\n  \
                            steward local edit production-data-records/RecordsDatabase DeletionProtection false --as mallory")]
    Local(Local),
    /// Print the JSON Schema of the blueprint, by which editors complete and check it
    #[command(
        after_help = "Example:\n  steward schema -o estate.schema.json\n\nThen begin estate.yaml with\n  \
                            # yaml-language-server: $schema=estate.schema.json"
    )]
    Schema(Schema),
    /// Print a script that completes commands in a shell
    #[command(
        after_help = "Example:\n  steward completions bash > ~/.local/share/bash-completion/completions/steward"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `steward init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder to write estate.yaml into; it is made where it does not exist
    #[arg(default_value = ".")]
    pub directory: PathBuf,
    /// What to begin with
    #[arg(short, long, value_name = "NAME")]
    pub template: Option<String>,
    /// List what there is to begin with
    #[arg(long)]
    pub list: bool,
}

/// `steward check`.
#[derive(Debug, Args)]
pub struct Check {
    /// A folder with estate.yaml, the file itself, or templates
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// What else ends with status 1, beside what is violated
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub fail_on: Option<FailOn>,
}

/// `steward build`.
#[derive(Debug, Args)]
pub struct Build {
    /// A folder with estate.yaml, or the file itself
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// The folder to write
    #[arg(short, long, value_name = "DIRECTORY")]
    pub output: PathBuf,
    /// Write YAML, not JSON
    #[arg(long)]
    pub yaml: bool,
    /// Fail where estate.lock would change
    #[arg(long)]
    pub locked: bool,
}

/// `steward audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Templates: files, or folders that are read to the bottom
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// A file of parameter values; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub parameters: Vec<PathBuf>,
    /// The region that the templates are deployed to
    #[arg(short, long)]
    pub region: Option<String>,
    /// Take the defaults of parameters as their values where none is given
    #[arg(long)]
    pub defaults: bool,
    /// A file of exceptions, written as in a blueprint; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub exceptions: Vec<PathBuf>,
    /// Tag keys that resources must carry
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    pub required_tags: Vec<String>,
    /// What else ends with status 1, beside what is violated
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub fail_on: Option<FailOn>,
}

/// What else ends with status 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// What is not known counts as a failure too
    Unknown,
}

/// `steward trace`.
#[derive(Debug, Args)]
pub struct Trace {
    /// A blueprint, templates, or output of AWS describe calls
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Where the packet starts
    #[arg(long, value_name = "END", conflicts_with = "batch")]
    pub from: Option<String>,
    /// Where it is to arrive, with its port: `prod/records:5432`
    #[arg(long, value_name = "END[:PORT]", conflicts_with = "batch")]
    pub to: Option<String>,
    /// The protocol (default: tcp with a port, icmp without)
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    pub protocol: Option<Protocol>,
    /// A CSV file of flows, each answered in its row; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub batch: Option<PathBuf>,
    /// Take the defaults of templates' parameters as their values
    #[arg(long)]
    pub defaults: bool,
}

/// Protocols that a trace follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// An ICMP echo request
    Icmp,
}

/// `steward reach`.
#[derive(Debug, Args)]
pub struct Reach {
    /// A blueprint, templates, or output of AWS describe calls
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// What ends are grouped by
    #[arg(long, value_enum, default_value_t)]
    pub by: GroupBy,
    /// Only from these classes; a name stands for what is beneath it too
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub from: Vec<String>,
    /// Only to these classes
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub to: Vec<String>,
    /// As it would be with these cut: an attachment, a peering, a gateway, an office, or whatever joins a VPC, an environment,
    /// a unit or an account to the rest
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub cut: Vec<String>,
    /// The file to write, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What ends are grouped by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum GroupBy {
    /// Organizational unit
    Unit,
    /// Environment; where there is none, account
    #[default]
    Environment,
    /// Environment and tier
    Tier,
    /// Account
    Account,
}

impl GroupBy {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Environment => "environment",
            Self::Tier => "tier",
            Self::Account => "account",
        }
    }
}

/// `steward explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The id of a guarantee, a code, a control, a framework, or a resource; nothing lists what there is
    pub topic: Option<String>,
    /// The estate that the resource is in
    pub path: Option<PathBuf>,
}

/// `steward who-can`.
#[derive(Debug, Args)]
pub struct WhoCan {
    /// The action: `kms:Decrypt`
    pub action: String,
    /// The resource: a logical id, an ARN, or a path `account/region/stack/id`
    pub resource: String,
    /// A blueprint, templates, or AWS describe output
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// `steward can`.
#[derive(Debug, Args)]
pub struct Can {
    /// Who: a role or user by its logical id, or somebody outside by ARN, service or `anonymous`
    pub principal: String,
    /// The action: `rds:DeleteDBInstance`
    pub action: String,
    /// The resource: a logical id, an ARN, or a path `account/region/stack/id`
    pub resource: String,
    /// A blueprint, templates, or AWS describe output
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// `steward policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Show whether a policy allows anything that another does not, and the reverse, each with a request
    #[command(
        after_help = "Examples:\n  steward policy compare old.json new.json\n  steward policy compare old.json new.json --fail-on more --format json"
    )]
    Compare(ComparePolicies),
    /// Answer requests, one a line, by the policies that stand beside them
    #[command(after_help = "Examples:\n  steward policy evaluate --batch cases.jsonl > answers.jsonl\n  \
                            steward policy evaluate --batch cases.jsonl --format text\n\n\
                            One JSON object a line in, one out; docs/policy.md describes both. A line with a mistake is \
                            answered\nwith Unknown and `error`, the run goes on, and ends with status 2.")]
    Evaluate(PolicyEvaluate),
    /// Find what is wrong with policies: mistakes with place and fix
    #[command(
        after_help = "Examples:\n  steward policy lint bucket-policy.json\n  steward policy lint --kind trust trust.json\n  \
                            steward policy lint policies/*.json --format sarif\n\nFiles hold a policy as JSON or YAML, or what \
                            the AWS CLI prints around one. Status 2: there is an error."
    )]
    Lint(PolicyLint),
}

/// `steward policy compare`.
#[derive(Debug, Args)]
pub struct ComparePolicies {
    /// The policy as it was
    pub old: PathBuf,
    /// The policy as it is to be
    pub new: PathBuf,
    /// The difference that ends with status 1; what is not known counts as one
    #[arg(long, value_enum, value_name = "DIFFERENCE")]
    pub fail_on: Option<Difference>,
}

/// A difference between policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Difference {
    /// The new one allows something that the old one does not
    More,
    /// The old one allows something that the new one does not
    Less,
    /// Either
    Any,
}

/// `steward policy evaluate`.
#[derive(Debug, Args)]
pub struct PolicyEvaluate {
    /// The file of cases, one a line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub batch: PathBuf,
}

/// `steward policy lint`.
#[derive(Debug, Args)]
pub struct PolicyLint {
    /// Files with a policy each
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the policies are attached to (default: by what they say)
    #[arg(long, value_enum)]
    pub kind: Option<PolicyKind>,
}

/// What a policy is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyKind {
    /// Users, groups, roles; also boundaries and session policies
    Identity,
    /// A resource
    Resource,
    /// A role: who may assume it
    Trust,
    /// A service control policy
    Scp,
    /// A resource control policy
    Rcp,
    /// A VPC endpoint
    Endpoint,
}

impl From<PolicyKind> for iam::lint::Kind {
    fn from(kind: PolicyKind) -> Self {
        match kind {
            PolicyKind::Identity => Self::Identity,
            PolicyKind::Resource => Self::Resource,
            PolicyKind::Trust => Self::Trust,
            PolicyKind::Scp => Self::ServiceControl,
            PolicyKind::Rcp => Self::ResourceControl,
            PolicyKind::Endpoint => Self::Endpoint,
        }
    }
}

/// `steward schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// The file to write, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
