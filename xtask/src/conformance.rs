//! What we emit, held against tools that others wrote: cfn-lint (no error, no warning), checkov (every finding
//! mended, or listed in `docs/checkov.csv` with a reason) and, for reports, the schema of SARIF 2.1.0.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The pinned tools, installed into the target folder.
const TOOLS: [&str; 3] = ["cfn-lint==1.58.0", "checkov==3.3.30", "check-jsonschema==0.39.0"];

/// The crate that carries the schema of SARIF 2.1.0 as OASIS publishes it.
const SCHEMA: (&str, &str) = ("serde-sarif", "0.8.0");

/// Runs both tools over every example in both output formats.
pub fn run(root: &Path) -> Result<(), String> {
    let target = crate::target(root);
    let tools = install(&target)?;
    let steward = build(root, &target)?;
    let work = target.join("conformance");
    let mut templates = Vec::new();
    for example in examples(root)? {
        for (format, options) in [("json", &[][..]), ("yaml", &["--yaml"][..])] {
            let name =
                example.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let out = work.join(format).join(&name);
            if out.exists() {
                std::fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
            }
            std::fs::create_dir_all(out.parent().unwrap_or(&work)).map_err(|error| error.to_string())?;
            // A copy: the examples in the repository are never written to.
            let copy = work.join("blueprints").join(&name);
            copy_folder(&example, &copy)?;
            let mut command = Command::new(&steward);
            command.arg("build").arg(&copy).arg("-o").arg(&out).args(options).arg("-q");
            succeed(&mut command)?;
            let written = files(&out.join("accounts"))?;
            if format == "json" {
                templates.extend(stack_sets(&written)?);
            }
            templates.extend(written);
        }
    }
    println!("{} templates from the examples", templates.len());
    sarif(root, &tools, &steward, &work)?;
    cfn_lint(&tools, &templates)?;
    checkov(root, &tools, &work.join("json"))
}

/// What stack sets deploy stands in their `TemplateBody`: written beside the template that has it, so that the tools see it.
fn stack_sets(templates: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut out = Vec::new();
    for path in templates {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let tree: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let resources = tree.get("Resources").and_then(serde_json::Value::as_object);
        for (id, resource) in resources.into_iter().flatten() {
            let Some(body) = resource.pointer("/Properties/TemplateBody").and_then(serde_json::Value::as_str)
            else {
                continue;
            };
            let inner = path.with_file_name(format!("stack-set-{id}.json"));
            std::fs::write(&inner, body).map_err(|error| format!("{}: {error}", inner.display()))?;
            out.push(inner);
        }
    }
    Ok(out)
}

fn install(target: &Path) -> Result<PathBuf, String> {
    venv(target, "conformance-tools", &TOOLS)
}

/// A Python environment of pinned packages in the target folder; answers its folder of programs.
pub fn venv(target: &Path, name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let venv = target.join(name);
    let (bin, stamp) = (venv.join("bin"), venv.join("installed"));
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).ok().as_deref() == Some(wanted.as_str()) {
        return Ok(bin);
    }
    println!("installing {}", packages.join(", "));
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = bin.join("pip");
    for package in packages {
        succeed(Command::new(&pip).args(["install", "--quiet", "--disable-pip-version-check", package]))?;
    }
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(bin)
}

fn build(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    succeed(Command::new(cargo).args(["build", "--quiet", "--package", "steward"]).current_dir(root))?;
    Ok(target.join("debug").join("steward"))
}

fn cfn_lint(tools: &Path, templates: &[PathBuf]) -> Result<(), String> {
    // A region of its own for each template: what exists there differs.
    let mut by_region: BTreeMap<String, Vec<&PathBuf>> = BTreeMap::new();
    for template in templates {
        let parts: Vec<_> = template.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        let at = parts.iter().rposition(|part| part == "accounts").unwrap_or(0);
        let region = parts.get(at + 2).map(ToString::to_string).unwrap_or_default();
        by_region.entry(region).or_default().push(template);
    }
    for (region, templates) in &by_region {
        let out = Command::new(tools.join("cfn-lint"))
            .args(["--regions", region, "--format", "parseable", "--"])
            .args(templates)
            .output()
            .map_err(|error| error.to_string())?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stdout);
            return Err(format!(
                "cfn-lint complains in {region}:\n{said}{}",
                String::from_utf8_lossy(&out.stderr)
            ));
        }
        println!("cfn-lint: {} templates of {region}, no error, no warning", templates.len());
    }
    Ok(())
}

/// Reports with and without findings, and one of mistakes, fit the schema.
fn sarif(root: &Path, tools: &Path, steward: &Path, work: &Path) -> Result<(), String> {
    let schema = sarif_schema(work)?;
    let folder = work.join("sarif");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut runs: Vec<Vec<PathBuf>> =
        examples(root)?.into_iter().map(|example| vec!["check".into(), example]).collect();
    // What is built for it, audited without knowing it, has findings.
    runs.push(vec!["audit".into(), work.join("json")]);
    runs.push(vec!["audit".into(), folder.join("missing")]);
    let mut reports = Vec::new();
    for (number, arguments) in runs.iter().enumerate() {
        let out = Command::new(steward)
            .args(arguments)
            .args(["--format", "sarif"])
            .output()
            .map_err(|error| error.to_string())?;
        let report = folder.join(format!("{number}.sarif"));
        std::fs::write(&report, out.stdout).map_err(|error| error.to_string())?;
        reports.push(report);
    }
    let mut check = Command::new(tools.join("check-jsonschema"));
    // One pattern of the schema has a stray bracket, which only the lenient variant of regular expressions takes.
    check.args(["--regex-variant", "nonunicode"]);
    succeed(check.arg("--schemafile").arg(schema).args(&reports))?;
    println!("SARIF: {} reports fit the schema of 2.1.0", reports.len());
    Ok(())
}

/// Has cargo bring the crate that carries the schema, and says where the schema is.
fn sarif_schema(work: &Path) -> Result<PathBuf, String> {
    let (name, version) = SCHEMA;
    let project = work.join(format!("{name}-{version}"));
    let schema = project.join("vendor").join(name).join("src/schema.json");
    if schema.is_file() {
        return Ok(schema);
    }
    std::fs::create_dir_all(&project).map_err(|error| error.to_string())?;
    let manifest = format!(
        "[workspace]\n[package]\nname = \"schema\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n\
         [dependencies]\n{name} = \"={version}\"\n"
    );
    for (file, text) in [("Cargo.toml", manifest.as_str()), ("lib.rs", "")] {
        std::fs::write(project.join(file), text).map_err(|error| error.to_string())?;
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    succeed(Command::new(cargo).args(["vendor", "--quiet", "vendor"]).current_dir(&project))?;
    Ok(schema)
}

/// A row of `docs/checkov.csv`: a check that we answer otherwise, and why.
struct Listed {
    check: String,
    resource: String,
    used: bool,
}

fn checkov(root: &Path, tools: &Path, folder: &Path) -> Result<(), String> {
    let page = root.join("docs/checkov.csv");
    let text = std::fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
    let mut listed: Vec<Listed> = text
        .lines()
        .skip(1)
        .filter_map(|row| {
            let mut fields = row.splitn(3, ',');
            let (check, resource) = (fields.next()?.to_owned(), fields.next()?.to_owned());
            fields.next().filter(|reason| !reason.trim().is_empty())?;
            Some(Listed { check, resource, used: false })
        })
        .collect();
    let rows = text.lines().skip(1).filter(|row| !row.trim().is_empty()).count();
    if listed.len() != rows {
        return Err(format!(
            "{}: {} rows lack a check, a resource or a reason",
            page.display(),
            rows - listed.len()
        ));
    }
    let out = Command::new(tools.join("checkov"))
        .args(["--framework", "cloudformation", "--compact", "--quiet", "--output", "json", "--soft-fail"])
        .args(["--skip-download", "--directory"])
        .arg(folder)
        .output()
        .map_err(|error| error.to_string())?;
    let report: serde_json::Value = serde_json::from_slice(&out.stdout)
        .map_err(|error| format!("checkov: {error}\n{}", String::from_utf8_lossy(&out.stderr)))?;
    let passed = report.pointer("/summary/passed").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if passed == 0 {
        return Err("checkov looked at nothing".to_owned());
    }
    let failed = report.pointer("/results/failed_checks").and_then(serde_json::Value::as_array);
    let mut open = Vec::new();
    for finding in failed.into_iter().flatten() {
        let text =
            |key: &str| finding.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let (check, resource) = (text("check_id"), text("resource"));
        let covers = |row: &&mut Listed| row.check == check && covers(&row.resource, &resource);
        match listed.iter_mut().find(covers) {
            Some(row) => row.used = true,
            None => open.push(format!("{check} {resource} {}: {}", text("file_path"), text("check_name"))),
        }
    }
    let stale: Vec<String> =
        listed.iter().filter(|row| !row.used).map(|row| format!("{} {}", row.check, row.resource)).collect();
    if !open.is_empty() {
        return Err(format!(
            "checkov findings neither mended nor listed in docs/checkov.csv:\n{}",
            open.join("\n")
        ));
    }
    if !stale.is_empty() {
        return Err(format!("rows of docs/checkov.csv that cover nothing:\n{}", stale.join("\n")));
    }
    println!("checkov: {passed} checks passed, {} kinds of findings listed with reasons", listed.len());
    Ok(())
}

/// `AWS::S3::Bucket.*` covers every resource of the type, `AWS::S3::Bucket.*Logs` those whose names end so; anything
/// else is the resource itself.
fn covers(pattern: &str, resource: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            resource.len() >= start.len() + end.len()
                && resource.starts_with(start)
                && resource.ends_with(end)
        }
        None => pattern == resource,
    }
}

/// The folders under `examples` that hold a blueprint, sorted.
pub fn examples(root: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(root.join("examples")).map_err(|error| error.to_string())?;
    let mut out: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    out.retain(|path| path.join("estate.yaml").exists());
    out.sort();
    Ok(out)
}

/// All files below a folder, sorted.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut out = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { out.push(path) }
        }
    }
    out.sort();
    Ok(out)
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    for file in files(from)? {
        let Ok(relative) = file.strip_prefix(from) else { continue };
        let copy = to.join(relative);
        std::fs::create_dir_all(copy.parent().unwrap_or(to)).map_err(|error| error.to_string())?;
        std::fs::copy(&file, &copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    }
    Ok(())
}

/// Runs a command to a good end.
pub fn succeed(command: &mut Command) -> Result<(), String> {
    let out = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if out.status.success() {
        return Ok(());
    }
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    Err(format!("{command:?} failed:\n{stdout}{stderr}"))
}
