//! What can go wrong between the command line, the disk and the crates; and every code there is.

use diagnostics::{CodeInfo, codes};

codes! {
    NO_SUCH_PATH = "STW0001", "the path does not exist",
        "Give a folder with an `estate.yaml`, the file itself, CloudFormation templates (files or folders), or a folder of \
         what AWS describe calls return.";
    NOTHING_HERE = "STW0002", "there is nothing to judge at this path",
        "The folder holds neither an `estate.yaml`, nor CloudFormation templates, nor what AWS describe calls return. \
         `steward init` writes a blueprint to begin with.";
    CANNOT_WRITE = "STW0004", "the output cannot be written",
        "The message says what the system refused. What was there before is unchanged: output is written whole or not \
         at all.";
    EXISTS = "STW0005", "a blueprint is there already",
        "`steward init` never overwrites. Give another folder, or edit the `estate.yaml` that is there.";
    NO_SUCH_TEMPLATE = "STW0006", "there is no starting point of that name",
        "`steward init --list` shows them.";
    UNKNOWN_TOPIC = "STW0008", "there is nothing of that name to explain",
        "`steward explain` without a name lists every guarantee and code. A resource is named by its logical id or by \
         its path `account/region/stack/resource`, with the estate's path behind it.";
    LOCK_WOULD_CHANGE = "STW0009", "the lock would change",
        "`--locked` was given and the blueprint hands out something that `estate.lock` does not hold. Run `steward build` \
         without `--locked` and commit the new `estate.lock`.";
    BAD_DATE = "STW0010", "this is not a day",
        "Days are written `YYYY-MM-DD`.";
    CANNOT_READ = "STW0011", "the file cannot be read",
        "The message says why. A policy is a JSON or YAML document in UTF-8, of at most 64 MiB.";
    UNKNOWN_ACTION = "STW0012", "there is no such action",
        "Actions are written `service:Action` as in the Service Authorization Reference.";
    UNKNOWN_END = "STW0013", "the estate has nothing of that name",
        "Name it by its logical id, by the path that verdicts show, or by its ARN.";
    NO_ENDS = "STW0030", "a trace has no ends",
        "A question has two ends: `--from A --to B`. Many at once come in a file: `--batch FILE`.";
    NO_SUCH_END = "STW0031", "this is no end of a path",
        "An end is an address, `internet`, an office, or a name: that of a host, interface, subnet or VPC (its `Name` tag, \
         its logical id, AWS's id), of an environment (`prod`), of a workload or store in it (`prod/records`), of a tier \
         (`prod/data`), or of an organizational unit. A name of several hosts has to be given as an id.";
    NO_PORT = "STW0032", "the destination has no port",
        "TCP and UDP go to a port: `prod/records:5432`, `[2001:db8::1]:443`. Without a port a ping is followed.";
    BAD_BATCH = "STW0033", "the file of flows has not the columns it needs",
        "The first line names the columns: `source`, `destination`, `protocol`, `port`, in any order and among others. \
         They are kept, and `verdict` and `reason` are added.";
    NO_CSV = "STW0034", "this command writes nothing of that form",
        "CSV is rows, SVG a picture; reports are neither. `--format json` has everything a program needs.";
    RECORDING_BESIDE = "STW0020", "output of AWS describe calls stands beside other paths",
        "What the describe calls returned is an estate by itself: templates deployed there are in it already. Give the \
         folder alone. Several accounts and regions go into one folder, each in a folder of its name.";
    NO_SUCH_FORM = "STW0012", "the command has no output of that form",
        "SARIF lists findings in files: `steward check` and `steward audit` write it. `steward explain` has text and JSON.";
    NO_SUCH_CLASS = "STW0040", "there is no class of ends of that name",
        "`--from` and `--to` of `steward reach` narrow to classes of the grouping that `--by` names. The message lists them.";
    NO_SUCH_CUT = "STW0042", "there is nothing of that name to cut",
        "`--cut` names an attachment of a transit gateway, a peering, a gateway or an office, or a VPC, an environment, a unit or an \
         account, of which all that joins it to the rest is cut. Names are those that `steward trace` shows.";
    TOO_VARIED = "STW0041", "the network is too varied to be decided",
        "The engine over all packets stopped at its bound on memory. Nothing is proved either way. Ask about less: a part \
         of the templates, or fewer accounts.";
    NO_SUCH_CLOUD = "STW0050", "this build does not reach that cloud",
        "`--cloud local` is a cloud in a file, for trying. Templates for AWS are written by `steward build`.";
    CLOUD_FAILED = "STW0051", "the cloud did not do what it was asked",
        "The message is the cloud's. What was done before stays done; the same command goes on from there.";
    NO_PLAN = "STW0052", "there is no plan",
        "The message says what stands in the way. A stack that is left out by `--only` must be deployed already when another \
         needs it; a value that only a person knows is given with `--value`.";
    MOVED = "STW0053", "the world has moved since the plan was made",
        "A saved plan is applied exactly as it was shown, or not at all. Make it again.";
    VIOLATES = "STW0054", "the estate violates what it should guarantee",
        "Nothing is deployed that does not hold. Mend it, cover it with an exception (owner, reason, expiry), or say \
         `--allow violations`; the record keeps the verdicts.";
    NOT_ALLOWED = "STW0055", "nobody allowed this",
        "What loses data, cuts traffic off or empties an account is done only when it is named. The message says how.";
    NOT_CONFIRMED = "STW0056", "nobody said that this is to be done",
        "On a terminal the plan is shown and asked about; elsewhere `--yes` says it.";
    BUSY = "STW0057", "somebody else is changing the estate",
        "One at a time. A lock of a process of this machine that is no more does not count; one of another machine is broken by \
         its name.";
    NO_SUCH_ESTATE = "STW0058", "nothing of that estate was ever deployed",
        "`steward status` without a name shows what the cloud has.";
    NO_SUCH_DRIFT = "STW0060", "nothing that differs is called so",
        "A pattern names a resource by `account/region/stack/Id`, by its logical id, or one of its properties behind the path; `*` stands for any \
         text. `steward drift` shows the paths.";
    NO_EDIT = "STW0061", "the blueprint cannot be edited so",
        "An edit is shown and written only where the blueprint with it compiles and says what was asked for. The message says why it does not.";
    NO_SUCH_RESOURCE = "STW0059", "the local cloud has no such resource",
        "A resource is named by its id, or by its stack and logical id.";
}

/// Every code that any part of Steward may report, sorted.
pub fn all() -> Vec<&'static CodeInfo> {
    let tables = [
        CODES,
        document::CODES,
        blueprint::CODES,
        design::CODES,
        intake::CODES,
        intake::describe::CODES,
        estate::validate::CODES,
        reachability::CODES,
        prove::CODES,
        emit::CODES,
        iam::CODES,
    ];
    let mut all: Vec<_> = tables.into_iter().flatten().collect();
    all.sort_by_key(|info| info.code);
    all
}
