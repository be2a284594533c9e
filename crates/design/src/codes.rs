//! The codes of what `design` says about a blueprint and its lock.

use diagnostics::codes;

codes! {
    BAD_LOCK = "DSN0001", "estate.lock cannot be read",
        "`estate.lock` says which addresses, zones and logical ids were handed out. Steward writes it; the marked \
         entry is not one that Steward writes. Take the file from version control again: without it, networks \
         could be renumbered, which replaces everything in them.";
    LOCK_CONFLICT = "DSN0002", "the blueprint asks for something other than what was handed out",
        "Addresses that were handed out to a network stay with it, because changing them replaces the network and \
         everything in it. The blueprint now says something that contradicts `estate.lock`. Either change the \
         blueprint back, or, if the network may be replaced, remove its entry from `estate.lock`.";
    SPACE_EXHAUSTED = "DSN0003", "the address space has no room left",
        "Every environment takes one block of `network.vpc-size` in its region, and in the recovery region where \
         there is one. Blocks of environments that were removed are reused last. Widen `network.addresses` (the new \
         space must contain the old one), or make `vpc-size` smaller for new networks.";
    NO_ZONE = "DSN0004", "the region has no further availability zone",
        "The environment wants more availability zones than Steward knows in its region, or a zone that was handed \
         out to it is not known there any more.";
    FOREIGN_IMAGE = "DSN0005", "the image is not in a private Amazon ECR registry",
        "Workloads run in subnets without a route to the internet and pull their images through the VPC endpoints of \
         Amazon ECR. Copy the image to a private repository of the same region, or leave `image:` out: then the \
         workload has a repository of its own.";
    SAME_LOGICAL_ID = "DSN0006", "two names become the same logical id",
        "CloudFormation's logical ids have letters and digits only, so `a-1` and `a1` cannot both exist in one place. \
         Rename one of them.";
    COMES_BACK = "DSN0007", "an account that was removed comes back",
        "An account that leaves the blueprint is not closed: it is only no longer part of a stack, and keeps its e-mail \
         address. If it still exists, creating it again fails; import it into the stack `organization` instead \
         (CloudFormation resource import). If it was closed, give the new one another name.";
    GUARDRAILS_DO_NOT_FIT = "DSN0008", "there are more guardrails than AWS takes",
        "AWS Organizations limits how many policies may be attached to the root, a unit or an account, and how long each may \
         be. The guardrails of this place do not fit. Units inherit what stands above them: put some of the guardrails \
         on the organization or on a unit above or beneath, where there is room.";
    TOO_SMALL = "DSN0009", "the network is too small for what stands in it",
        "A network that is joined to the hub has subnets for its attachment, for load balancers behind the hub and for \
         workloads that leave it. They fit into a /21 or larger. A network has room for as many load balancers with \
         addresses of their own as its gateway subnets allow.";
    OVER_QUOTA = "DSN0010", "AWS would refuse this: a quota is exceeded",
        "AWS limits how many routes, rules and attachments there may be. The estate would need more than the quota \
         that a new account has. Approve flows between units of fewer environments, or have AWS raise the quota first.";
}
