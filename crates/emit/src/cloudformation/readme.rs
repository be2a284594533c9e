//! `README.md` of a bundle: the order and the commands, for people who deploy by hand.

use std::collections::HashMap;
use std::fmt::Write;

use super::manifest::{Manifest, ManifestParameter, ManifestStack};

/// Stacks by key; only looked up in, never walked.
type Stacks<'m> = HashMap<&'m str, &'m ManifestStack>;

/// The text.
pub(crate) fn readme(manifest: &Manifest) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(manifest, &mut out);
    out
}

fn write(manifest: &Manifest, out: &mut String) -> std::fmt::Result {
    let waves = manifest.waves.len();
    writeln!(
        out,
        "# How to deploy {}\n",
        if manifest.estate.is_empty() { "this estate" } else { &manifest.estate }
    )?;
    writeln!(
        out,
        "{} in {}, deployed in {}. All stacks of a wave may be deployed at the same time; a wave begins when the \
         one before it is done, because it uses what that one puts out. `manifest.json` says the same for \
         programs.\n",
        count(manifest.stacks.len(), "stack"),
        count(manifest.accounts.len(), "account"),
        count(waves, "wave"),
    )?;
    preparations(manifest, out)?;
    let by_key: Stacks<'_> = manifest.stacks.iter().map(|stack| (stack.key.as_str(), stack)).collect();
    let mut stacks = manifest.stacks.iter().filter(|stack| stack.wave > 0).peekable();
    for wave in 1..=waves {
        writeln!(out, "## Wave {wave}\n")?;
        while let Some(stack) = stacks.next_if(|stack| stack.wave as usize == wave) {
            command(stack, &by_key, out)?;
        }
    }
    let nested: Vec<_> = manifest.stacks.iter().filter(|stack| stack.wave == 0).collect();
    if !nested.is_empty() {
        writeln!(out, "## Nested stacks\n\nTheir parents deploy them:\n")?;
        for stack in nested {
            writeln!(
                out,
                "- `{}` ({}), in `{}`",
                stack.name,
                stack.template,
                stack.nested_in.as_deref().unwrap_or("")
            )?;
        }
        out.push('\n');
    }
    Ok(())
}

fn preparations(manifest: &Manifest, out: &mut String) -> std::fmt::Result {
    writeln!(out, "## Before\n")?;
    writeln!(
        out,
        "Each command names a profile of the AWS CLI after the account it goes to ({}). Commands that take a value \
         from another stack, or the number of an account, use these shell functions:\n",
        list(manifest.accounts.iter().map(|account| account.name.as_str()))
    )?;
    writeln!(
        out,
        "```sh\noutput() {{ # profile region stack output\n  aws cloudformation describe-stacks --profile \"$1\" \
         --region \"$2\" --stack-name \"$3\" \\\n    --query \"Stacks[0].Outputs[?OutputKey=='$4'].OutputValue\" \
         --output text\n}}\nnumber() {{ # profile\n  aws sts get-caller-identity --profile \"$1\" --query Account \
         --output text\n}}\n```\n"
    )?;
    let is_supplied =
        |stack: &&ManifestStack| stack.parameters.iter().any(|parameter| parameter.supply.is_some());
    let upload = manifest.stacks.iter().any(|stack| stack.upload || stack.nests);
    if upload {
        writeln!(
            out,
            "Templates of more than 51,200 bytes, and nested ones, go through an S3 bucket of the account they are deployed to: \
             replace `<bucket>`.\n"
        )?;
    }
    if manifest.stacks.iter().any(|stack| is_supplied(&stack)) {
        writeln!(out, "What stands in `<…>` only you can say.\n")?;
    }
    Ok(())
}

fn command(stack: &ManifestStack, by_key: &Stacks<'_>, out: &mut String) -> std::fmt::Result {
    writeln!(out, "### {}\n", stack.key)?;
    let size = count(stack.resources, "resource");
    let brought = if stack.brought { ", a template that you brought" } else { "" };
    writeln!(out, "{size}{brought}.")?;
    if !stack.after.is_empty() {
        writeln!(out, "After {}.", list(stack.after.iter().map(String::as_str)))?;
    }
    let region = stack.region.as_deref().unwrap_or("<region>");
    let at = format!("--profile {} --region {region}", quoted(&stack.account));
    let mut template = quoted(&stack.template);
    let mut package = String::new();
    if stack.nests {
        // Its nested templates are uploaded, and their places put in, by `package`.
        let packaged = quoted(&format!("{}.packaged", stack.template));
        package = format!(
            "aws cloudformation package {at} \\\n  --template-file {template} --s3-bucket <bucket> \\\n  \
             --output-template-file {packaged}\n"
        );
        template = packaged;
    }
    let mut parts = vec![
        format!("aws cloudformation deploy {at}"),
        format!("--stack-name {} --template-file {template}", stack.name),
    ];
    if stack.upload {
        parts.push("--s3-bucket <bucket>".to_owned());
    }
    if !stack.capabilities.is_empty() {
        parts.push(format!("--capabilities {}", stack.capabilities.join(" ")));
    }
    if !stack.tags.is_empty() {
        let tags: Vec<_> = stack.tags.iter().map(|(key, value)| quoted(&format!("{key}={value}"))).collect();
        parts.push(format!("--tags {}", tags.join(" ")));
    }
    let given = stack.parameters.iter().map(|parameter| argument(parameter, by_key));
    let given: Vec<_> = given.collect();
    if !given.is_empty() {
        parts.push(format!("--parameter-overrides \\\n    {}", given.join(" \\\n    ")));
    }
    steps(stack, "before", out)?;
    writeln!(out, "\n```sh\n{package}{}\n```\n", parts.join(" \\\n  "))?;
    steps(stack, "after", out)
}

/// What CloudFormation has no resource for, once for the estate unless the sentence says otherwise.
fn steps(stack: &ManifestStack, when: &str, out: &mut String) -> std::fmt::Result {
    for step in stack.steps.iter().filter(|step| step.when == when) {
        writeln!(out, "\nBy hand, {when} it is deployed: {}.\n\n```sh\n{}\n```", step.what, step.command)?;
    }
    if when == "after" && stack.steps.iter().any(|step| step.when == when) {
        out.push('\n');
    }
    Ok(())
}

fn argument(parameter: &ManifestParameter, by_key: &Stacks<'_>) -> String {
    let name = &parameter.name;
    if let Some(value) = &parameter.value {
        return quoted(&format!("{name}={value}"));
    }
    if let Some(account) = &parameter.account {
        return format!("{name}=\"$(number {})\"", quoted(account));
    }
    let Some(from) = &parameter.from else {
        return format!("{name}=<{}>", parameter.supply.as_deref().unwrap_or("value"));
    };
    let (account, region, stack) = match by_key.get(from.stack.as_str()) {
        Some(stack) => {
            (stack.account.as_str(), stack.region.as_deref().unwrap_or("<region>"), stack.name.as_str())
        }
        None => ("<account>", "<region>", from.stack.as_str()),
    };
    format!("{name}=\"$(output {} {region} {stack} {})\"", quoted(account), from.output)
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 12;
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.len().checked_sub(MOST) {
        Some(more) if more > 0 => {
            format!("{} and {more} more", names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", "))
        }
        _ => names.join(", "),
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
