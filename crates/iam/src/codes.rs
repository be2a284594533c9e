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
}
