//! The codes of every mistake that a blueprint can hold, with what `steward explain` says about each.

use diagnostics::codes;

codes! {
    WRONG_TYPE = "BP0101", "a value has the wrong form",
        "The field takes another kind of value than the one written: a list where a word is expected, text where \
         a number is. The message says what was expected and what was found.";
    UNKNOWN_FIELD = "BP0102", "a field does not exist",
        "The language has no such field here. A misspelt field would otherwise be ignored in silence, and what it \
         was meant to protect would not be. The message lists the fields that exist.";
    MISSING_FIELD = "BP0103", "a field that must be written is missing",
        "Nothing safe can be assumed for this field, so it has to be said.";
    BAD_VALUE = "BP0104", "a value is not one that the field accepts",
        "The value has the right form but says something the field cannot mean. The message says what would be accepted.";
    NOT_BUILT = "BP0105", "the language has this, but Steward does not build it yet",
        "`docs/blueprint.md` describes the whole language. What is not built yet is refused: ignoring it would leave \
         you believing in a protection that is not there. Remove it, or wait for the release that builds it.";
    APPLIES_ELSEWHERE = "BP0106", "a field belongs to another kind",
        "The field exists, but not for this kind of thing: `key` belongs to a table, `storage` to a database.";

    CANNOT_READ = "BP0201", "a file cannot be read",
        "A file that the blueprint names does not exist, or may not be read.";
    OUTSIDE_FOLDER = "BP0202", "a path leaves the blueprint's folder",
        "A blueprint is a folder that can be reviewed as a whole and moved to another machine. `include:` and \
         `templates:` therefore take relative paths that stay inside it.";
    INCLUDE_CYCLE = "BP0203", "files include each other in a circle",
        "Each file is read once and adds its sections to the whole. A circle of includes means that two files \
         disagree on which of them is the part of the other.";
    TOO_MANY_INCLUDES = "BP0204", "too many files, or too much text, is included",
        "A blueprint may have 64 files and 16 MiB of text, and includes may nest 8 deep.";
    SAID_TWICE = "BP0205", "two files say the same thing",
        "Sections are merged across files, but each name and each value is written in one place, so that nobody \
         has to know which file wins. Both places are shown.";

    TOO_MANY = "BP0206", "the blueprint describes more than Steward builds in one estate",
        "At most 20,000 environments, and 250,000 workloads and stores over all environments, are built; environments are \
         alike at most 16 deep. The limits protect against files made to exhaust a reader.";

    UNKNOWN_NAME = "BP0301", "a name refers to nothing",
        "The name is not declared anywhere in the blueprint. The message suggests the nearest one that is.";
    DUPLICATE_NAME = "BP0302", "two things have the same name",
        "Names are what sentences such as `uses: [records]` or `never: sandbox reaches production` refer to, so one \
         name means one thing. Workloads and stores share one space of names.";
    BAD_NAME = "BP0303", "AWS would refuse this name",
        "Names become parts of bucket names, DNS labels, tags and e-mail addresses: small letters, digits and single \
         hyphens, beginning with a letter, ending with a letter or digit, and short enough for the longest name that \
         is made of them.";
    RESERVED_NAME = "BP0304", "this name means something already",
        "Words such as `internet` or `everyone` have a fixed meaning in the language and cannot be names.";
    CYCLIC_LIKE = "BP0305", "environments are alike in a circle",
        "`like:` takes every setting that an environment does not say itself from another one. In a circle there is \
         no environment to begin with.";
    USES_MISSING = "BP0306", "a workload uses something that its environment does not have",
        "The workload runs in an environment where the store or workload it uses does not exist: it would fail \
         there on its first request. Let both exist in the same environments.";
    NO_ACCOUNT = "BP0307", "an account that the estate needs is missing",
        "Every estate has an account that watches (`audit`), one that keeps the logs (`log-archive`; both may be the same) \
         and one for each environment.";
    NEVER_RUNS = "BP0308", "something exists in no environment",
        "The workload or store is declared, but every environment leaves it out.";

    BAD_CIDR = "BP0401", "an address range is not one",
        "Address ranges are written as IPv4 CIDR blocks, such as `10.16.0.0/12`, with all bits after the prefix zero.";
    OVERLAP = "BP0402", "address ranges overlap",
        "Networks whose addresses overlap can never be joined, and a packet to the common part has two destinations.";
    SPACE_TOO_SMALL = "BP0403", "the address space is too small",
        "Every environment takes one block of `vpc-size` in each region. The address space must hold them all beside \
         what is reserved.";
    OUTSIDE_SPACE = "BP0404", "an address range lies outside the address space",
        "An environment's own range must be a part of `network.addresses`, from which routes and firewall rules are made.";
    UNKNOWN_REGION = "BP0405", "AWS has no such region",
        "The region is not one that AWS has opened, or its name is misspelt.";
    TOO_FEW_ZONES = "BP0406", "the region has fewer availability zones than the environment wants",
        "An environment spreads over as many zones as its tier says, or as `zones:` says. The region must have them.";
    RECOVERY_IS_PRIMARY = "BP0407", "the recovery region is the primary region",
        "A region cannot be recovered into itself. Choose a second one, or leave `recovery` out.";

    NEEDS_REASON = "BP0501", "an unsafe choice has no reason",
        "The safe choice is the default and needs no words. An unsafe one is respected when somebody writes down why: \
         add `because:` beside it. The reason appears in the report and in the evidence.";
    REASON_FOR_NOTHING = "BP0502", "a reason is given where nothing unsafe is chosen",
        "The `because:` explains nothing: the choice it was written for has been removed or is the default.";
    RETENTION_TOO_SHORT = "BP0503", "something is kept for less time than a framework demands",
        "HIPAA demands six years for documentation of safeguards (45 CFR 164.316(b)(2)(i)), and auditors \
         read logs as such documentation. Keep it longer, or say why not with `because:`.";
    FORBIDDEN = "BP0504", "this combination is never safe",
        "No reason makes this choice safe, so no `because:` is accepted for it. The message says what to do instead.";
    PHI_WITHOUT_HIPAA = "BP0506", "health data is kept, but HIPAA is not among the frameworks",
        "Whoever keeps protected health information for a covered entity answers to HIPAA. Add `hipaa` to `frameworks:`, so \
         that retention and evidence follow it; or correct the class of the data.";
    REASON_TOO_VAGUE = "BP0505", "one reason is given for several unsafe choices",
        "A reader must be able to tell which reason belongs to which choice. Write `because:` as a mapping from each \
         unsafe field to its reason.";

    NEEDS_HUB = "BP0604", "this needs the hub of the network",
        "Environments, offices and the internet meet in the hub, where the firewall and the Transit Gateway are. Add \
         `hub:` under `network:`, with an account for it.";
    FLOW_TO_NOWHERE = "BP0605", "no packet of this flow can arrive",
        "A flow names somebody who begins connections and something that answers on the port. The message says which of \
         the two is missing. A flow that cannot happen would only look like an approval.";
    BAD_SENTENCE = "BP0602", "a guarantee is not a sentence of the language",
        "Guarantees read `never: A reaches B`, `only: A reaches B through C`, `always: A reaches B on 5432`. The verbs are \
         reaches, reads, writes, deletes, decrypts, administers and assumes.";
    NEEDS_DOMAIN = "BP0603", "something is served without a domain name",
        "A certificate is issued for a name. Write `domain:` at the top, or in the environment.";
}
