//! Whose credentials calls carry.
//!
//! In: the environment and the shared files. Out: credentials of the caller, and of roles in other accounts, renewed five minutes before
//! they expire. Always: what is secret stays in memory and out of messages; the first source of the chain that is configured counts,
//! and when it fails the failure is said instead of trying the next.
//!
//! Sources: AWS SDKs and Tools Reference Guide, "Standardized credential providers", "Shared config and credentials files", "Process
//! credential provider", "Container credential provider", "IMDS credential provider", "Assume role credential provider".

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use deploy::{Answer, CloudError};
use serde_json::Value;

use crate::wire::{Call, Wire, form};
use crate::{Environment, time};

/// Renewed that long before they expire.
const EARLY: Duration = Duration::from_secs(300);

/// Where an instance's credentials are.
const INSTANCE: &str = "http://169.254.169.254";

/// Profiles may name each other that often.
const DEEPEST: usize = 8;

/// The settings of profiles, of both shared files.
#[derive(Debug, Default)]
pub(crate) struct Profiles(BTreeMap<String, BTreeMap<String, String>>);

impl Profiles {
    /// Reads both files, where they are there.
    pub(crate) fn load(environment: &Environment) -> Self {
        let home = environment("HOME").or_else(|| environment("USERPROFILE")).map(PathBuf::from);
        let path = |variable: &str, name: &str| {
            let told = environment(variable).filter(|text| !text.is_empty()).map(PathBuf::from);
            told.or_else(|| Some(home.as_ref()?.join(".aws").join(name)))
        };
        let read = |path: Option<PathBuf>| {
            path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
        };
        let mut out = Self::default();
        out.add(&read(path("AWS_CONFIG_FILE", "config")), true);
        // What both files say, the file of credentials says last.
        out.add(&read(path("AWS_SHARED_CREDENTIALS_FILE", "credentials")), false);
        out
    }

    fn add(&mut self, text: &str, config: bool) {
        let mut section: Option<String> = None;
        for line in text.lines() {
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                let name = name.trim();
                section = match name.strip_prefix("profile ") {
                    Some(name) if config => Some(name.trim().to_owned()),
                    _ if name == "default" || !config => Some(name.to_owned()),
                    // Sessions and services are not profiles.
                    _ => None,
                };
                continue;
            }
            // Settings below a setting are indented; none that we read is.
            if line.starts_with([' ', '\t']) {
                continue;
            }
            if let (Some(section), Some((key, value))) = (&section, bare.split_once('=')) {
                let value = value.split(" #").next().unwrap_or(value).trim();
                self.0
                    .entry(section.clone())
                    .or_default()
                    .insert(key.trim().to_lowercase(), value.to_owned());
            }
        }
    }

    pub(crate) fn get(&self, profile: &str, key: &str) -> Option<&str> {
        self.0.get(profile)?.get(key).map(String::as_str).filter(|text| !text.is_empty())
    }
}

/// Hands out credentials.
pub(crate) struct Chain {
    environment: Box<Environment>,
    profiles: Profiles,
    profile: String,
    region: String,
    known: Mutex<BTreeMap<String, Credentials>>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("profile", &self.profile).finish_non_exhaustive()
    }
}

fn refused(message: impl Into<String>) -> CloudError {
    CloudError::refused("Credentials", message)
}

impl Chain {
    pub(crate) fn new(environment: Box<Environment>) -> Answer<Self> {
        let profiles = Profiles::load(&*environment);
        let profile = environment("AWS_PROFILE").filter(|name| !name.is_empty());
        if let Some(name) = profile.as_ref().filter(|name| !profiles.0.contains_key(*name)) {
            return Err(refused(format!("there is no profile `{name}` in the shared configuration files")));
        }
        let profile = profile.unwrap_or_else(|| "default".to_owned());
        let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|key| environment(key));
        let region = region.filter(|region| !region.is_empty());
        let region = region.or_else(|| profiles.get(&profile, "region").map(str::to_owned));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        Ok(Self { environment, profiles, profile, region, known: Mutex::default() })
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    pub(crate) fn environment(&self) -> &Environment {
        &*self.environment
    }

    fn kept(&self, key: &str, make: impl FnOnce() -> Answer<Credentials>) -> Answer<Credentials> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        let fresh = |it: &Credentials| it.expiry().is_none_or(|at| at > SystemTime::now() + EARLY);
        if let Some(known) = known.filter(fresh) {
            return Ok(known);
        }
        let made = make()?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), made.clone());
        Ok(made)
    }

    /// The caller's own.
    pub(crate) fn own(&self, wire: &Wire) -> Answer<Credentials> {
        self.kept("", || self.first(wire))
    }

    /// Those of a role, which the caller assumes.
    pub(crate) fn role(&self, wire: &Wire, arn: &str) -> Answer<Credentials> {
        self.kept(arn, || {
            let own = self.own(wire)?;
            self.assume(wire, &own, arn, None, None)
        })
    }

    fn first(&self, wire: &Wire) -> Answer<Credentials> {
        let env = |key: &str| (self.environment)(key).filter(|text| !text.is_empty());
        let explicit = env("AWS_PROFILE").is_some();
        if let (false, Some(id), Some(secret)) =
            (explicit, env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"))
        {
            return Ok(Credentials::new(id, secret, env("AWS_SESSION_TOKEN"), None, "environment"));
        }
        if let (Some(file), Some(role)) = (env("AWS_WEB_IDENTITY_TOKEN_FILE"), env("AWS_ROLE_ARN")) {
            return self.web(wire, &file, &role, env("AWS_ROLE_SESSION_NAME").as_deref());
        }
        if let Some(found) = self.of_profile(wire, &self.profile, 0)? {
            return Ok(found);
        }
        let relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = relative.map(|path| format!("http://169.254.170.2{path}"));
        if let Some(uri) = full.or_else(|| env("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            return self.container(wire, &uri);
        }
        if env("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Err(refused("there are none: neither in the environment nor in a profile"));
        }
        self.instance(wire)
    }

    fn of_profile(&self, wire: &Wire, name: &str, depth: usize) -> Answer<Option<Credentials>> {
        if depth > DEEPEST {
            return Err(refused(format!("profile `{name}` is its own source")));
        }
        let get = |key: &str| self.profiles.get(name, key);
        // A profile that is its own source has keys beside the role.
        let keys = || {
            let (id, secret) = (get("aws_access_key_id")?, get("aws_secret_access_key")?);
            Some(Credentials::new(id, secret, get("aws_session_token").map(str::to_owned), None, "profile"))
        };
        if let Some(role) = get("role_arn") {
            if let Some(file) = get("web_identity_token_file") {
                return self.web(wire, file, role, get("role_session_name")).map(Some);
            }
            let source = match (get("source_profile"), get("credential_source")) {
                (Some(source), _) if source == name => keys(),
                (Some(source), _) => self.of_profile(wire, source, depth + 1)?,
                (None, Some("Environment")) => {
                    let env = |key: &str| (self.environment)(key);
                    let pair = env("AWS_ACCESS_KEY_ID").zip(env("AWS_SECRET_ACCESS_KEY"));
                    pair.map(|(id, secret)| {
                        Credentials::new(id, secret, env("AWS_SESSION_TOKEN"), None, "environment")
                    })
                }
                (None, Some("Ec2InstanceMetadata")) => Some(self.instance(wire)?),
                (None, Some("EcsContainer")) => {
                    let path = (self.environment)("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
                    let uri = path.map(|path| format!("http://169.254.170.2{path}"));
                    let uri = uri.or_else(|| (self.environment)("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
                    uri.map(|uri| self.container(wire, &uri)).transpose()?
                }
                _ => None,
            };
            let source =
                source.ok_or_else(|| refused(format!("profile `{name}` has a role and no source for it")))?;
            if get("mfa_serial").is_some() {
                let help = "log in first and put the session's keys into the environment";
                return Err(refused(format!("profile `{name}` asks for a code of a device; {help}")));
            }
            return self.assume(wire, &source, role, get("external_id"), get("role_session_name")).map(Some);
        }
        if let Some(keys) = keys() {
            return Ok(Some(keys));
        }
        if let Some(line) = get("credential_process") {
            return process(line).map(Some);
        }
        if get("sso_session").is_some() || get("sso_start_url").is_some() || get("login_session").is_some() {
            // The tokens of a browser's log-in belong to AWS's command line: it hands their credentials out.
            let line = format!("aws configure export-credentials --format process --profile {name}");
            return process(&line).map(Some);
        }
        Ok(None)
    }

    fn web(&self, wire: &Wire, file: &str, role: &str, session: Option<&str>) -> Answer<Credentials> {
        let token = std::fs::read_to_string(file).map_err(|error| refused(format!("{file}: {error}")))?;
        let name = session.unwrap_or("steward");
        let body = form([
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", name),
            ("WebIdentityToken", token.trim()),
        ]);
        self.session(wire, None, body, "STS AssumeRoleWithWebIdentity")
    }

    fn assume(
        &self,
        wire: &Wire,
        source: &Credentials,
        role: &str,
        external: Option<&str>,
        session: Option<&str>,
    ) -> Answer<Credentials> {
        let mut pairs = vec![
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", session.unwrap_or("steward")),
        ];
        pairs.extend(external.map(|id| ("ExternalId", id)));
        self.session(wire, Some(source), form(pairs), &format!("STS AssumeRole {role}"))
    }

    fn session(
        &self,
        wire: &Wire,
        who: Option<&Credentials>,
        body: String,
        what: &str,
    ) -> Answer<Credentials> {
        let call = Call {
            service: "sts",
            region: &self.region,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: body.into_bytes(),
            what: what.to_owned(),
            ..Call::default()
        };
        let base = wire.base("sts", &self.region, &*self.environment);
        let reply = wire.send(&base, &call, who)?;
        let tree = roxmltree::Document::parse(&reply.body)
            .map_err(|error| CloudError::Transient(format!("{what}: {error}")))?;
        let text = |name: &str| tree.descendants().find(|node| node.tag_name().name() == name)?.text();
        let (Some(id), Some(secret)) = (text("AccessKeyId"), text("SecretAccessKey")) else {
            return Err(CloudError::Transient(format!("{what}: the answer has no credentials")));
        };
        let expiry =
            text("Expiration").and_then(time::seconds).map(|at| UNIX_EPOCH + Duration::from_secs(at));
        Ok(Credentials::new(id, secret, text("SessionToken").map(str::to_owned), expiry, "role"))
    }

    fn container(&self, wire: &Wire, uri: &str) -> Answer<Credentials> {
        let file = (self.environment)("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = match file {
            Some(file) => {
                Some(std::fs::read_to_string(&file).map_err(|error| refused(format!("{file}: {error}")))?)
            }
            None => (self.environment)("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        };
        let headers: Vec<_> =
            token.map(|token| ("authorization", token.trim().to_owned())).into_iter().collect();
        let body = wire.plain("GET", uri, &headers, Duration::from_secs(5));
        parsed(&body.map_err(|why| refused(format!("the container's credentials: {why}")))?)
    }

    /// By the second version of the instance metadata service only.
    fn instance(&self, wire: &Wire) -> Answer<Credentials> {
        let wait = Duration::from_secs(2);
        let none = |why: String| {
            let chain = "the environment, a profile, a container or an instance";
            refused(format!("there are none in {chain} (the instance metadata service: {why})"))
        };
        let base =
            (self.environment)("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| INSTANCE.to_owned());
        let base = base.trim_end_matches('/');
        let age = [("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
        let token = wire.plain("PUT", &format!("{base}/latest/api/token"), &age, wait).map_err(none)?;
        let header = [("x-aws-ec2-metadata-token", token)];
        let path = format!("{base}/latest/meta-data/iam/security-credentials/");
        let role = wire.plain("GET", &path, &header, wait).map_err(none)?;
        let role = role.lines().next().unwrap_or_default().trim().to_owned();
        parsed(&wire.plain("GET", &format!("{path}{role}"), &header, wait).map_err(none)?)
    }
}

/// What a program prints that hands out credentials.
fn process(line: &str) -> Answer<Credentials> {
    let mut command = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
    let out = command.args([if cfg!(windows) { "/C" } else { "-c" }, line]).output();
    let out = out.map_err(|error| refused(format!("`{line}`: {error}")))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(refused(format!("`{line}` failed: {}", said.trim())));
    }
    parsed(&String::from_utf8_lossy(&out.stdout)).map_err(|error| refused(format!("`{line}`: {error}")))
}

/// Credentials as JSON: of a process, a container, an instance.
fn parsed(text: &str) -> Answer<Credentials> {
    let tree: Value = serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
    let get = |key: &str| tree.get(key).and_then(Value::as_str).map(str::to_owned);
    let (Some(id), Some(secret)) = (get("AccessKeyId"), get("SecretAccessKey")) else {
        return Err(refused("the answer has no AccessKeyId and SecretAccessKey"));
    };
    let expiry = get("Expiration").and_then(|text| time::seconds(&text));
    let expiry = expiry.map(|at| UNIX_EPOCH + Duration::from_secs(at));
    Ok(Credentials::new(id, secret, get("SessionToken").or_else(|| get("Token")), expiry, "source"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn shared_files_are_read_as_the_guide_says() {
        let mut profiles = Profiles::default();
        profiles.add("[default]\nregion = eu-west-1\n[profile dev] # x\nrole_arn=arn:r\nsource_profile = default\ns3 =\n  region = none\n[sso-session x]\nregion = us-west-2\n", true);
        profiles.add("[dev]\naws_access_key_id = AKIDEXAMPLE #c\naws_secret_access_key=s=e=c\n", false);
        assert_eq!(profiles.get("default", "region"), Some("eu-west-1"));
        assert_eq!(profiles.get("dev", "aws_access_key_id"), Some("AKIDEXAMPLE"));
        assert_eq!(profiles.get("dev", "aws_secret_access_key"), Some("s=e=c"));
        assert_eq!(profiles.get("dev", "region"), None);
    }

    #[test]
    fn a_process_hands_credentials_out() {
        let said = r#"echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"B","Expiration":"2030-01-01T00:00:00Z"}'"#;
        let found = process(said).unwrap();
        assert_eq!((found.access_key_id(), found.secret_access_key()), ("A", "B"));
        assert!(found.expiry().is_some());
        assert!(process("exit 3").unwrap_err().to_string().contains("failed"));
        assert!(process("echo nothing").is_err());
    }

    #[test]
    fn circles_of_profiles_end() {
        let mut profiles = Profiles::default();
        profiles.add(
            "[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\nsource_profile=a\n",
            true,
        );
        let mut chain = Chain::new(Box::new(|_| None)).unwrap();
        chain.profiles = profiles;
        let wire = Wire::new("us-east-1", &|_| None).unwrap();
        assert!(chain.of_profile(&wire, "a", 0).unwrap_err().to_string().contains("its own source"));
    }
}
