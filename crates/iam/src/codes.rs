//! The codes of diagnostics about policies.

use diagnostics::codes;

codes! {
    NOT_A_POLICY = "IAM0001", "this is not a policy document",
        "A policy is a mapping with `Version` and `Statement`. Where a text holds a policy it is JSON.";
    UNKNOWN_ELEMENT = "IAM0002", "the policy language has no such element",
        "A policy has `Version`, `Id` and `Statement`; a statement has `Sid`, `Effect`, `Principal` or `NotPrincipal`, \
         `Action` or `NotAction`, `Resource` or `NotResource`, and `Condition`. IAM refuses anything else.";
    MISSING_ELEMENT = "IAM0003", "a statement lacks an element that it needs",
        "A statement needs `Effect`, one of `Action` and `NotAction`, and, except in the trust policy of a role, one of \
         `Resource` and `NotResource`.";
    CONTRADICTION = "IAM0004", "an element and its negation stand in one statement",
        "`Action` and `NotAction`, `Resource` and `NotResource`, `Principal` and `NotPrincipal` exclude each other. \
         Write two statements.";
    BAD_VALUE = "IAM0005", "a value has the wrong form",
        "The message says what the element takes. Lists may hold texts only; conditions also take numbers and booleans.";
    BAD_VERSION = "IAM0006", "the policy language has no such version",
        "There are two: `2012-10-17`, and `2008-10-17`, in which variables such as `${aws:username}` are plain text. The \
         version is not a date of yours.";
    BAD_ACTION = "IAM0007", "this is not an action",
        "An action is `service:Name`, such as `s3:GetObject`; the name may hold `*` and `?`. `*` alone means every action.";
    BAD_RESOURCE = "IAM0008", "this is not a resource",
        "A resource is `*` or an ARN: `arn:partition:service:region:account:resource`.";
    BAD_PRINCIPAL = "IAM0009", "this is not a principal",
        "A principal is `\"*\"`, or a mapping of `AWS`, `Service`, `Federated` or `CanonicalUser` to names. Under `AWS` \
         stand account numbers and ARNs of accounts, users, roles and sessions; `*` is no wildcard in them.";
    BAD_OPERATOR = "IAM0010", "there is no such condition operator",
        "The operators are those of AWS's page on condition operators, with `ForAllValues:` or `ForAnyValue:` before and \
         `IfExists` behind.";
    BAD_VARIABLE = "IAM0011", "this is not a policy variable",
        "A variable is `${key}` or `${key, 'default'}`; the characters `*`, `?` and `$` are `${*}`, `${?}` and `${$}`.";
    NO_STATEMENT = "IAM0012", "the policy has no statement",
        "A policy without statements allows nothing and denies nothing; IAM refuses it.";
    BAD_CASE = "IAM0013", "this line is no case",
        "A case is one JSON object a line with a `request` and the policies that apply; docs/policy.md describes it.";
    BAD_FIELD = "IAM0014", "a field of a case has the wrong form",
        "The message says what the field takes. A name that is nearly one of the format's is refused, because a layer of \
         policies that is left out changes the verdict.";
    BARE_PRINCIPAL = "IAM0015", "a principal stands without its type",
        "AWS takes `\"*\"` or a mapping: `{\"AWS\": \"arn:…\"}`. It is read as `AWS` here, and refused by AWS.";
    NO_VERSION = "IAM0101", "the policy has no version",
        "Without `Version` the language is that of 2008-10-17, in which `${aws:username}` is plain text and newer features \
         are missing. Write `\"Version\": \"2012-10-17\"`.";
    TOO_LONG = "IAM0102", "the policy is longer than AWS takes",
        "White space does not count for IAM. A managed policy may have 6,144 characters, the inline policies of a role \
         10,240 together, of a group 5,120, of a user 2,048; a trust policy 2,048 unless raised; a session policy 2,048; a \
         bucket policy 20,480 bytes; a service or resource control policy 5,120. Source: \"IAM and AWS STS quotas\".";
    UNKNOWN_SERVICE = "IAM0103", "there is no service with this prefix",
        "The prefix before the colon is the service's in AWS's Service Authorization Reference. A statement about a service \
         that does not exist matches nothing: an Allow grants nothing, a Deny protects nothing.";
    UNKNOWN_ACTION = "IAM0104", "the service has no such action",
        "AWS's Service Authorization Reference does not list it. A statement about an action that does not exist matches \
         nothing.";
    MATCHES_NOTHING = "IAM0105", "the pattern matches no action",
        "No action of AWS's Service Authorization Reference matches the pattern.";
    NEVER_ON_RESOURCE = "IAM0106", "the action never meets the statement's resources",
        "Each action works on certain types of resources, or on none (`*` only). None of the resources of this statement can \
         be one of them, so the statement does nothing for this action.";
    RESOURCE_UNUSED = "IAM0107", "no action of the statement works on this resource",
        "The ARN has the form of no type of resource that the statement's actions know.";
    UNKNOWN_KEY = "IAM0108", "there is no such condition key",
        "Neither the global keys nor those of the service hold it. A key that no request has fails positive operators and \
         satisfies negated ones.";
    KEY_UNUSED = "IAM0109", "no action of the statement has this condition key",
        "The key exists, but no request that this statement is about carries it: a positive operator never holds, a negated \
         one always does.";
    WRONG_OPERATOR = "IAM0110", "the operator does not fit the key's type",
        "AWS compares the value as the operator's type. A date compared as text, or an address as a number, does not match \
         as meant.";
    BAD_CONDITION_VALUE = "IAM0111", "the value is not of the operator's type",
        "A number, date, boolean, address or ARN was expected; the value matches nothing.";
    SET_OPERATOR = "IAM0112", "the key's values are not compared as a set",
        "A key with several values in a request is compared with `ForAllValues:` or `ForAnyValue:`; one with a single value \
         without them. `ForAllValues:` also holds where the key is absent: in an Allow, ask with `Null` that it is there.";
    REDUNDANT = "IAM0113", "a part of the statement says nothing new",
        "Another pattern of the same list covers it.";
    REDUNDANT_STATEMENT = "IAM0114", "a statement says nothing new",
        "Another statement with the same effect covers it, or an unconditional Deny covers an Allow wholly.";
    NEVER_HOLDS = "IAM0115", "the statement can never apply",
        "Its conditions contradict each other, or a list of values is empty. A Deny that cannot apply protects nothing.";
    PRINCIPAL_MISPLACED = "IAM0116", "the principal does not belong here, or is missing",
        "Policies of identities have no principal: who has the policy is meant. Policies of resources need one. A resource \
         control policy takes `\"*\"` only, a service control policy none.";
    ALLOWS_ALL_BUT = "IAM0117", "NotPrincipal with Allow allows everybody else",
        "Everybody but those listed is allowed, also who is not signed in. AWS advises never to combine them.";
    BAD_SID = "IAM0118", "the Sid is not as IAM takes it",
        "In IAM a `Sid` has letters and digits only, and each stands once in a policy.";
    BAD_ARN = "IAM0119", "the ARN cannot be right",
        "An ARN is `arn:partition:service:region:account:resource`, with an account of twelve digits (or none), a partition \
         and Region that exist, and no wildcard in the service.";
    WRONG_KIND = "IAM0120", "this kind of policy does not take this",
        "Trust policies have no resource and allow actions of STS; resource control policies only deny; the message says \
         which rule is meant.";
    VERY_WIDE = "IAM0121", "the statement is very wide",
        "It may be meant so. It is named because it is easily meant otherwise.";
    NO_VARIABLE_HERE = "IAM0122", "a variable has no effect here",
        "Variables count in `Resource`, and in conditions on texts, ARNs, booleans and binaries, in version 2012-10-17. The \
         variable must be a condition key with one value.";
    PLAIN_WILDCARD = "IAM0123", "`*` or `?` is plain text here",
        "Only `StringLike`, `StringNotLike` and the ARN operators take wildcards.";
    LIMITED_BY_ACCOUNT = "IAM0124", "a service may act for anybody through this statement",
        "A service principal is not limited to your own use of it. `aws:SourceArn`, `aws:SourceAccount` or `aws:SourceOrgID` says \
         for whom the service may act. Source: \"The confused deputy problem\", IAM User Guide.";
    SPARES_TOO_LITTLE = "IAM0125", "a Deny spares a principal but not its account",
        "Depending on the service, AWS judges the account first, then the role, then the session. A `NotPrincipal` under Deny \
         therefore lists all of them; better is `\"Principal\": \"*\"` with a condition on `aws:PrincipalArn`. Source: \"AWS JSON \
         policy elements: NotPrincipal\", IAM User Guide.";
}
