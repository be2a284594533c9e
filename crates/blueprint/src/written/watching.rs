//! What watches the estate, as it is written: detection, rules, alarms.

use super::Because;
use crate::Spanned;
use crate::record::{choice, record};

record! {
    /// Detection: on in every account and region without a word. These words choose what is louder or quieter.
    pub struct Detection "the detection" {
        /// Which protections of GuardDuty are on.
        guardduty as "guardduty": Option<Spanned<GuardDuty>> = "all",
        /// Whether Amazon Inspector scans machines, images and functions. `no` needs `because:`.
        inspector as "inspector": Option<Spanned<bool>> = true,
        /// In which buckets Amazon Macie looks for personal data.
        macie as "macie": Option<Spanned<Macie>> = "phi",
        /// Who is told of findings.
        findings as "findings": Option<Spanned<Findings>>,
        /// Why an unsafe choice is right here.
        because as "because": Option<Spanned<Because>>,
    }
    planned {
        "detective": "graphs of who did what, for investigations",
    }
}

choice! {
    /// Which protections of GuardDuty are on.
    pub enum GuardDuty "a set of protections" {
        /// Every protection, runtime monitoring and malware scans too.
        All = "all",
        /// Trails, flow logs and DNS only. Needs `because:`.
        Foundational = "foundational",
    }
    planned {}
}

choice! {
    /// Where Amazon Macie looks.
    pub enum Macie "where Macie looks" {
        /// In accounts and regions where a bucket holds health data.
        Phi = "phi",
        /// Where a bucket holds health, personal or financial data.
        Personal = "personal",
        /// Nowhere. Needs `because:` where a bucket holds health data.
        Nowhere = "nowhere",
    }
    planned {}
}

record! {
    /// Who is told of findings, by how bad they are.
    pub struct Findings "findings" {
        /// Who hears of high and critical findings, and of breaches of rules, at once. `nobody` needs `because:`.
        high as "high": Option<Spanned<Told>> = "security",
        /// Who hears of medium findings. Lower ones stay in Security Hub.
        others as "others": Option<Spanned<Told>> = "nobody",
    }
    planned {}
}

choice! {
    /// Who is told.
    pub enum Told "somebody who is told" {
        /// The security contact.
        Security = "security",
        /// The operations contact.
        Operations = "operations",
        /// Nobody: findings stay in Security Hub.
        Nobody = "nobody",
    }
    planned {
        "weekly": "a summary once a week",
    }
}

choice! {
    /// A set of AWS Config rules beyond those that judge every account.
    pub enum Rule "a set of rules" {
        /// Tags that everything must have. Always there.
        RequiredTags = "required-tags",
        /// Nothing open to the internet but 443. Always there; open SSH is closed at once.
        NoOpenPorts = "no-open-ports",
        /// Instances run only images that are tagged `approved: yes`.
        ApprovedImages = "approved-images",
        /// AWS's HIPAA pack. Always there with the framework `hipaa`.
        Hipaa = "hipaa",
    }
    planned {}
}

choice! {
    /// Alarms on the audit trail. All are always there and told to the security contact.
    pub enum Alarm "an alarm" {
        /// The root user did something.
        Root = "root",
        /// Somebody tried what they may not do.
        UnauthorizedCalls = "unauthorized-calls",
        /// Somebody signed in without a second factor, or failed to sign in.
        SignIn = "sign-in",
        /// Security groups, network ACLs, gateways, routes or VPCs changed.
        NetworkChanges = "network-changes",
        /// A policy or role changed.
        IamChanges = "iam-changes",
        /// Somebody made an access key or a user.
        NewAccessKey = "new-access-key",
        /// The trail or AWS Config changed.
        TrailChanges = "trail-changes",
        /// A key was disabled or ordered deleted.
        KeyChanges = "key-changes",
        /// The protection of a bucket changed.
        BucketChanges = "bucket-changes",
        /// Units, accounts or policies of the organization changed.
        OrganizationChanges = "organization-changes",
    }
    planned {}
}
