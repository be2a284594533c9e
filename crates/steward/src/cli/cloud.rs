//! The command line of what looks at a cloud or changes it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Which cloud.
#[derive(Debug, Args)]
pub struct CloudOptions {
    /// Which cloud
    #[arg(long, value_enum, default_value_t, value_name = "CLOUD")]
    pub cloud: CloudKind,
    /// The file of the local cloud
    #[arg(long, default_value = ".steward/local.db", value_name = "FILE")]
    pub local: PathBuf,
    /// The role to assume in each account of AWS (default: OrganizationAccountAccessRole)
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
}

/// Kinds of clouds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CloudKind {
    /// One in a file, for trying
    #[default]
    Local,
    /// AWS
    Aws,
}

/// `steward plan`.
#[derive(Debug, Args)]
pub struct PlanOptions {
    /// A folder with estate.yaml, or the file itself
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Only these stacks: account, account/region or account/region/stack, with * for anything
    #[arg(long, value_name = "SELECTOR")]
    pub only: Vec<String>,
    /// A value that only you know: account/region/stack/Parameter=value
    #[arg(long, value_name = "PARAMETER=VALUE")]
    pub value: Vec<String>,
    /// The commit to compare packets and requests with (default: the one that was applied last)
    #[arg(long, value_name = "COMMIT")]
    pub since: Option<String>,
    /// How many stacks will be worked on at a time, for the estimate of time
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub parallel: usize,
    /// The file to save the plan to, to be applied exactly
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub cloud: CloudOptions,
}

/// How to run what changes a cloud.
#[derive(Debug, Clone, Args)]
pub struct Running {
    /// Do it without asking
    #[arg(short, long)]
    pub yes: bool,
    /// How many stacks are worked on at a time
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub parallel: usize,
    /// Milliseconds between two looks at a stack
    #[arg(long, default_value_t = 2000, value_name = "MS")]
    pub poll: u64,
    /// The file that what happens is added to, a line of JSON each
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Break the lock of this holder, who certainly is no more
    #[arg(long, value_name = "HOLDER")]
    pub break_lock: Option<String>,
}

/// `steward apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// A folder with estate.yaml, the file itself, or a saved plan
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Only these stacks: account, account/region or account/region/stack, with * for anything
    #[arg(long, value_name = "SELECTOR")]
    pub only: Vec<String>,
    /// A value that only you know: account/region/stack/Parameter=value
    #[arg(long, value_name = "PARAMETER=VALUE")]
    pub value: Vec<String>,
    /// What is dangerous and may be done: replace:STACK/ID, delete:STACK/ID, with * for anything; violations
    #[arg(long, value_name = "WHAT")]
    pub allow: Vec<String>,
    /// The blueprint of a saved plan (default: the current folder)
    #[arg(long, value_name = "PATH")]
    pub blueprint: Option<PathBuf>,
    #[command(flatten)]
    pub running: Running,
    #[command(flatten)]
    pub cloud: CloudOptions,
}

/// `steward adopt`.
#[derive(Debug, Args)]
pub struct Adopt {
    /// A folder with estate.yaml, or the file itself
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// The identifier of a resource whose template does not say it: account/region/stack/LogicalId=identifier
    #[arg(long, value_name = "RESOURCE=ID")]
    pub id: Vec<String>,
    /// What may be taken in though it differs: differs:account/region/stack/LogicalId, with * for anything
    #[arg(long, value_name = "WHAT")]
    pub allow: Vec<String>,
    #[command(flatten)]
    pub running: Running,
    #[command(flatten)]
    pub cloud: CloudOptions,
}

/// `steward drift`.
#[derive(Debug, Args)]
pub struct Drift {
    /// A folder with estate.yaml, or the file itself
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// End with status 1 where something differs
    #[arg(long)]
    pub exit_code: bool,
    /// Bring back what the templates say, where that loses nothing
    #[arg(long)]
    pub repair: bool,
    /// For a job on a schedule: repair without asking, look again, and end with status 1 where something is left
    #[arg(long, conflicts_with_all = ["repair", "exit_code", "accept", "except"])]
    pub reconcile: bool,
    /// Show the edit of the blueprint that says what is there: a resource or property by its path, * for any text
    #[arg(long, value_name = "PATTERN", conflicts_with = "except")]
    pub accept: Vec<String>,
    /// Show the exception that lets it be until a day: a resource or property by its path, * for any text
    #[arg(long, value_name = "PATTERN", requires_all = ["because", "owner", "until"])]
    pub except: Vec<String>,
    /// Write what --accept or --except show into the blueprint
    #[arg(long)]
    pub write: bool,
    /// Why it may stay
    #[arg(long, value_name = "TEXT")]
    pub because: Option<String>,
    /// Who answers for it
    #[arg(long, value_name = "E-MAIL")]
    pub owner: Option<String>,
    /// The last day on which it may: 2027-03-31
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// What else may be repaired: `recreate` makes anew, empty, what is gone or can only be replaced
    #[arg(long, value_name = "WHAT")]
    pub allow: Vec<String>,
    #[command(flatten)]
    pub running: Running,
    #[command(flatten)]
    pub cloud: CloudOptions,
}

/// `steward status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The estate's name (default: all that the cloud has)
    pub estate: Option<String>,
    #[command(flatten)]
    pub cloud: CloudOptions,
}

/// `steward history`.
#[derive(Debug, Args)]
pub struct History {
    /// The estate's name (default: all that the cloud has)
    pub estate: Option<String>,
    #[command(flatten)]
    pub cloud: CloudOptions,
}

/// `steward empty`.
#[derive(Debug, Args)]
pub struct Empty {
    /// The account, with or without the units it is in: sandbox/playground
    pub account: String,
    /// A folder with estate.yaml, or the file itself
    #[arg(default_value = ".")]
    pub path: PathBuf,
    #[command(flatten)]
    pub running: Running,
    #[command(flatten)]
    pub cloud: CloudOptions,
}

/// `steward destroy`.
#[derive(Debug, Args)]
pub struct Destroy {
    /// A folder with estate.yaml, or the file itself
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Only these stacks: account, account/region or account/region/stack, with * for anything
    #[arg(long, value_name = "SELECTOR")]
    pub only: Vec<String>,
    /// What may go: destroy:ACCOUNT or destroy:production, and delete:STACK/ID, with * for anything
    #[arg(long, value_name = "WHAT")]
    pub allow: Vec<String>,
    #[command(flatten)]
    pub running: Running,
    #[command(flatten)]
    pub cloud: CloudOptions,
}

/// `steward local`.
#[derive(Debug, Args)]
pub struct Local {
    /// What to do
    #[command(subcommand)]
    pub action: LocalAction,
    /// The file of the local cloud
    #[arg(long, default_value = ".steward/local.db", value_name = "FILE", global = true)]
    pub local: PathBuf,
    /// Under which name (default: yours)
    #[arg(long = "as", value_name = "WHO", global = true)]
    pub who: Option<String>,
}

/// What to do with the local cloud.
#[derive(Debug, Subcommand)]
pub enum LocalAction {
    /// List resources whose id or logical id contains a text; show one whole
    Show {
        /// The text
        resource: Option<String>,
    },
    /// Set a property of a resource, or take it away
    Edit {
        /// Its id, or stack/LogicalId
        resource: String,
        /// The path of the property: VersioningConfiguration/Status
        property: String,
        /// Its value, as JSON or as text; nothing takes it away
        value: Option<String>,
    },
    /// Delete a resource
    Delete {
        /// Its id, or stack/LogicalId
        resource: String,
    },
    /// Make a resource that no stack has
    Create {
        /// The twelve digits of its account
        account: String,
        /// Its region
        region: String,
        /// Its type: AWS::S3::Bucket
        kind: String,
        /// Its id
        id: String,
        /// Its properties, as JSON
        properties: Option<String>,
    },
}
