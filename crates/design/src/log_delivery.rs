//! The leave of AWS's log delivery to write to a log group.
//!
//! In: a log group. Out: a resource policy of CloudWatch Logs. Always: only for deliveries of this account.
//!
//! Source: Amazon CloudWatch Logs User Guide, "Enable logging from AWS services", logs sent to CloudWatch Logs.

use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Place};

/// Adds the policy of a log group.
pub(crate) fn add(
    draft: &mut Draft,
    place: &Place,
    id: &'static str,
    name: impl Into<SmolStr>,
    group: Value,
) {
    let document = Value::join([
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"DeliveryWrites\",\"Effect\":\"Allow\",\"Principal\":\
         {\"Service\":\"delivery.logs.amazonaws.com\"},\"Action\":[\"logs:CreateLogStream\",\"logs:PutLogEvents\"],\
         \"Resource\":\""
            .into(),
        group,
        "\",\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"".into(),
        place.account_id(),
        "\"},\"ArnLike\":{\"aws:SourceArn\":\"".into(),
        place.arn("logs", "*"),
        "\"}}}]}".into(),
    ]);
    let properties = value!({ "PolicyDocument": document, "PolicyName": name.into() });
    draft.add(id, "AWS::Logs::ResourcePolicy", properties);
}
