//! `format`: forms of texts that schemas name instead of spelling out.
//!
//! Source: the format rules of cfn-lint (E1150 to E1164), which name the AWS pages they come from. For
//! networks only the syntax counts: EC2 clears host bits that are set.

/// Whether a literal text has the form; `true` for forms that are not checked (`date-time`, `json`).
pub(crate) fn fits(format: &str, text: &str) -> bool {
    match format {
        "AWS::EC2::SecurityGroup.Id" => is_id(text, "sg-"),
        "AWS::EC2::Subnet.Id" => is_id(text, "subnet-"),
        "AWS::EC2::VPC.Id" => is_id(text, "vpc-"),
        "AWS::EC2::Image.Id" => is_id(text, "ami-"),
        "AWS::IAM::Role.Arn" => is_arn(text, "iam", |resource| resource.starts_with("role/")),
        "AWS::ACM::Certificate.Arn" => is_arn(text, "acm", |resource| resource.starts_with("certificate/")),
        "AWS::Lambda::Function.Arn" => is_arn(text, "lambda", |resource| resource.starts_with("function:")),
        "AWS::SNS::Topic.Arn" => is_arn(text, "sns", |resource| !resource.is_empty()),
        "AWS::KMS::Key.Arn" => {
            is_arn(text, "kms", |resource| resource.starts_with("key/") || resource.starts_with("alias/"))
        }
        "AWS::KMS::Key.Id" => is_key_id(text),
        "AWS::KMS::Alias.AliasName" => text
            .strip_prefix("alias/")
            .is_some_and(|name| is_made_of(name, |c| matches!(c, ':' | '/' | '_' | '-'))),
        "AWS::Logs::LogGroup.Name" => {
            text.len() <= 512 && is_made_of(text, |c| matches!(c, '.' | '-' | '_' | '/' | '#'))
        }
        "AWS::EC2::SecurityGroup.Name" => is_made_of(text, |c| " ._-:/()#,@[]+=&;{}!$*".contains(c)),
        "AWS::S3::Bucket.Name" => is_bucket_name(text),
        "ipv4-network" => is_network::<std::net::Ipv4Addr>(text, 32),
        "ipv6-network" => is_network::<std::net::Ipv6Addr>(text, 128),
        _ => true,
    }
}

/// The prefix and 8 or 17 letters or digits.
fn is_id(text: &str, prefix: &str) -> bool {
    let Some(rest) = text.strip_prefix(prefix) else { return false };
    matches!(rest.len(), 8 | 17) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `arn:aws:<service>:<region>:<account>:<resource>`; IAM has no region.
fn is_arn(text: &str, service: &str, is_resource: impl Fn(&str) -> bool) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or("");
    let (arn, partition, named, region, account, resource) = (next(), next(), next(), next(), next(), next());
    arn == "arn"
        && partition.starts_with("aws")
        && named == service
        && (service == "iam") == region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && is_resource(resource)
}

fn is_key_id(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if let Some(name) = text.strip_prefix("alias/") {
        return is_made_of(name, |c| matches!(c, '/' | '_' | '-'));
    }
    if let Some(rest) = text.strip_prefix("mrk-") {
        return rest.len() == 32 && is_hex(rest);
    }
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex)
}

fn is_bucket_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    (3..=63).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with(['.', '-'])
        && !text.ends_with(['.', '-'])
        && !["..", ".-", "-."].iter().any(|pair| text.contains(pair))
}

/// Not empty, of ASCII letters, digits and `others`.
fn is_made_of(text: &str, others: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others(c))
}

fn is_network<A: std::str::FromStr>(text: &str, most: u8) -> bool {
    let (address, prefix) =
        text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let prefix = prefix.is_none_or(|prefix| prefix.parse::<u8>().is_ok_and(|prefix| prefix <= most));
    prefix && address.parse::<A>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn forms_are_told_from_what_looks_like_them() {
        for (format, good, bad) in [
            ("AWS::EC2::SecurityGroup.Id", "sg-0123456789abcdef0", "sg-0123"),
            (
                "AWS::IAM::Role.Arn",
                "arn:aws-cn:iam::111122223333:role/path/r",
                "arn:aws:iam::111122223333:user/u",
            ),
            ("AWS::KMS::Key.Id", "1234abcd-12ab-34cd-56ef-1234567890ab", "aws/sns"),
            (
                "AWS::KMS::Key.Arn",
                "arn:aws:kms:eu-west-1:111122223333:key/x",
                "arn:aws:kms::111122223333:key/x",
            ),
            ("AWS::S3::Bucket.Name", "a.b-c", "a..b"),
            ("ipv4-network", "10.0.0.1/8", "10.0.0.0/33"),
            ("ipv6-network", "::/0", "10.0.0.0/8"),
        ] {
            assert!(fits(format, good), "{format} {good}");
            assert!(!fits(format, bad), "{format} {bad}");
        }
        assert!(fits("date-time", "whatever"));
    }
}
