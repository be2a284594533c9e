//! `AWS::Serverless::Api`, `AWS::Serverless::HttpApi`, and the APIs that events of functions imply.

use diagnostics::Span;
use document::{Entry, Kind, Node};
use smol_str::SmolStr;

use super::events::execution;
use super::function::Target;
use super::node::{
    Written, alphanumeric, attribute, entries, entry, literal, literal_text, node, reference, unknown,
};
use super::{Expansion, Source};

/// The API that events of type `Api` without `RestApiId` belong to.
const IMPLICIT_REST: &str = "ServerlessRestApi";
/// The API that events of type `HttpApi` without `ApiId` belong to.
const IMPLICIT_HTTP: &str = "ServerlessHttpApi";

/// One operation that a function serves.
pub struct Route {
    path: SmolStr,
    method: SmolStr,
    function: String,
    condition: Option<Node>,
    span: Span,
    /// Whether the event says something about authorization that is not expanded.
    opaque: bool,
}

impl Expansion<'_, '_, '_> {
    pub(super) fn api_event(&mut self, target: &Target<'_>, event: &Entry, properties: Option<&Node>) {
        let get = |name: &str| properties.and_then(|properties| properties.get(name));
        let Some(api) = self.api_of(get("RestApiId"), IMPLICIT_REST) else {
            return self.not_expanded(
                target.source,
                event.key.span,
                "events of APIs that the template does not declare",
            );
        };
        let path = get("Path").map_or_else(|| Some("/".into()), literal_text).unwrap_or_else(|| "/*".into());
        let method = get("Method").and_then(literal_text).unwrap_or_else(|| "any".into()).to_lowercase();
        let verb = if method == "any" || method == "*" { "*".to_owned() } else { method.to_uppercase() };
        let arn = execution(&format!("{verb}{}", wildcards(&path)), reference(&api));
        let stage = if api == IMPLICIT_REST { "Prod" } else { "Stage" };
        let id = format!("{}{}Permission{stage}", target.source.id, event.key.text);
        self.invoke(target, &id, "apigateway.amazonaws.com", Some(arn));
        let computed = |name: &str| get(name).is_some_and(|node| literal_text(node).is_none());
        let opaque = computed("Path")
            || computed("Method")
            || get("Auth").is_some()
            || get("RequestModel").is_some()
            || get("RequestParameters").is_some();
        self.route(api, target, event, path, method.into(), opaque);
    }

    pub(super) fn http_api_event(&mut self, target: &Target<'_>, event: &Entry, properties: Option<&Node>) {
        let get = |name: &str| properties.and_then(|properties| properties.get(name));
        let Some(api) = self.api_of(get("ApiId"), IMPLICIT_HTTP) else {
            return self.not_expanded(
                target.source,
                event.key.span,
                "events of APIs that the template does not declare",
            );
        };
        let path = get("Path").and_then(literal_text);
        let method = get("Method").and_then(literal_text).unwrap_or_else(|| "any".into()).to_lowercase();
        let tail = path.as_deref().map(wildcards).unwrap_or_default();
        let tail = tail.trim_start_matches('/').to_owned();
        let arn =
            execution(&if path.is_some() { format!("*/{tail}") } else { "*".to_owned() }, reference(&api));
        let id = format!("{}{}Permission", target.source.id, event.key.text);
        self.invoke(target, &id, "apigateway.amazonaws.com", Some(arn));
        let computed = |name: &str| get(name).is_some_and(|node| literal_text(node).is_none());
        let opaque =
            get("Auth").is_some() || get("RouteSettings").is_some() || computed("Path") || computed("Method");
        let path = path.unwrap_or_else(|| "$default".into());
        let method = if method == "any" { "x-amazon-apigateway-any-method".into() } else { method.into() };
        self.route(api, target, event, path, method, opaque);
    }

    fn route(
        &mut self,
        api: SmolStr,
        target: &Target<'_>,
        event: &Entry,
        path: SmolStr,
        method: SmolStr,
        opaque: bool,
    ) {
        let method = if matches!(method.as_str(), "any" | "*") {
            "x-amazon-apigateway-any-method".into()
        } else {
            method
        };
        let route = Route {
            path,
            method,
            function: target.invoked.clone(),
            condition: target.source.condition.clone(),
            span: event.key.span,
            opaque,
        };
        self.routes.entry(api).or_default().push(route);
    }

    /// The API of this template that an event names; `None` where it is another's.
    fn api_of(&self, node: Option<&Node>, implicit: &'static str) -> Option<SmolStr> {
        let Some(node) = node else { return Some(SmolStr::new_static(implicit)) };
        let id = match (&node.kind, node.tag.as_deref()) {
            (Kind::String(id), None | Some("!Ref")) => id.clone(),
            _ => node.get("Ref").and_then(literal_text)?,
        };
        self.kinds.get(&id).is_some_and(|kind| kind.starts_with("AWS::Serverless::")).then_some(id)
    }

    pub(super) fn rest_api(&mut self, source: &Source) {
        let routes = self.routes.shift_remove(&source.id).unwrap_or_default();
        let opaque = self
            .report_given(source, &["Auth", "Cors", "GatewayResponses", "Models", "Domain", "CanarySetting"]);
        const OTHERS: &[&str] = &[
            "AccessLogSetting",
            "Auth",
            "CacheClusterEnabled",
            "CacheClusterSize",
            "CanarySetting",
            "Cors",
            "DefinitionBody",
            "DefinitionUri",
            "Domain",
            "EndpointConfiguration",
            "GatewayResponses",
            "MergeDefinitions",
            "MethodSettings",
            "Models",
            "OpenApiVersion",
            "PropagateTags",
            "StageName",
            "Tags",
            "TracingEnabled",
            "Variables",
            "ApiKeySourceType",
            "BinaryMediaTypes",
            "Description",
            "DisableExecuteApiEndpoint",
            "FailOnWarnings",
            "MinimumCompressionSize",
            "Mode",
            "Name",
            "Policy",
        ];
        self.report_others(source, &[OTHERS]);
        let mut properties = source.copied(&[
            "ApiKeySourceType",
            "BinaryMediaTypes",
            "Description",
            "DisableExecuteApiEndpoint",
            "FailOnWarnings",
            "MinimumCompressionSize",
            "Mode",
            "Name",
            "Policy",
        ]);
        if let Some(node) = source.get("EndpointConfiguration") {
            let made = match literal(node) {
                Some(kind) => node!({ "Types": [kind] }),
                None => {
                    let types = node.get("Type").map(|kind| node!([kind]));
                    node!({ "Types": types, "VpcEndpointIds": (node.get("VPCEndpointIds")) })
                }
            };
            properties.push(entry("EndpointConfiguration", made));
        }
        properties.extend(self.definition(source, &routes, opaque, true));
        if let Some(tags) = super::function::tags(source.get("Tags"), None) {
            properties.push(entry("Tags", tags));
        }
        self.add_main(source, "AWS::ApiGateway::RestApi", properties);
        let deployment = format!("{}Deployment", source.id);
        let properties = vec![entry("RestApiId", reference(&source.id))];
        self.add(source, &deployment, "AWS::ApiGateway::Deployment", properties);
        let name = source.get("StageName").cloned().or_else(|| "Prod".written());
        let literal =
            name.as_ref().and_then(literal).filter(|_| name.as_ref().is_some_and(|name| name.tag.is_none()));
        let stage = format!("{}{}Stage", source.id, literal.map(alphanumeric).unwrap_or_default());
        let mut properties = source.copied(&[
            "AccessLogSetting",
            "CacheClusterEnabled",
            "CacheClusterSize",
            "MethodSettings",
            "TracingEnabled",
            "Variables",
        ]);
        properties.extend([
            entry("RestApiId", reference(&source.id)),
            entry("DeploymentId", reference(&deployment)),
        ]);
        properties.extend(name.map(|name| entry("StageName", name)));
        self.add(source, &stage, "AWS::ApiGateway::Stage", properties);
        self.alias_stage(source, &stage, &deployment);
    }

    fn alias_stage(&mut self, source: &Source, stage: &str, deployment: &str) {
        self.scope.aliases.insert(format!("{}.Stage", source.id).into(), stage.into());
        self.scope.aliases.insert(format!("{}.Deployment", source.id).into(), deployment.into());
    }

    pub(super) fn http_api(&mut self, source: &Source) {
        let routes = self.routes.shift_remove(&source.id).unwrap_or_default();
        let opaque = self.report_given(source, &["Auth", "CorsConfiguration", "Domain"]);
        const OTHERS: &[&str] = &[
            "AccessLogSettings",
            "Auth",
            "CorsConfiguration",
            "DefaultRouteSettings",
            "DefinitionBody",
            "DefinitionUri",
            "Description",
            "DisableExecuteApiEndpoint",
            "Domain",
            "FailOnWarnings",
            "Name",
            "PropagateTags",
            "RouteSettings",
            "StageName",
            "StageVariables",
            "Tags",
        ];
        self.report_others(source, &[OTHERS]);
        let mut properties =
            source.copied(&["Description", "DisableExecuteApiEndpoint", "FailOnWarnings", "Name"]);
        properties.extend(self.definition(source, &routes, opaque, false));
        self.add_main(source, "AWS::ApiGatewayV2::Api", properties);
        let name = source.get("StageName");
        let literal = name.filter(|name| name.tag.is_none()).and_then(literal);
        let stage = match (name, literal) {
            (None, _) | (_, Some("$default")) => format!("{}ApiGatewayDefaultStage", source.id),
            (_, Some(name)) => format!("{}{}Stage", source.id, alphanumeric(name)),
            _ => format!("{}Stage", source.id),
        };
        let mut properties = source.copied(&["DefaultRouteSettings", "RouteSettings"]);
        for (sam, own) in [("AccessLogSettings", "AccessLogSettings"), ("StageVariables", "StageVariables")] {
            properties.extend(source.get(sam).map(|node| entry(own, node.clone())));
        }
        properties.extend([entry("ApiId", reference(&source.id))]);
        properties.extend(true.written().map(|value| entry("AutoDeploy", value)));
        properties
            .extend(name.cloned().or_else(|| "$default".written()).map(|name| entry("StageName", name)));
        self.add(source, &stage, "AWS::ApiGatewayV2::Stage", properties);
        self.alias_stage(source, &stage, &stage);
    }

    /// What an API offers: as written, or put together from the routes of functions.
    fn definition(&mut self, source: &Source, routes: &[Route], opaque: bool, rest: bool) -> Vec<Entry> {
        let hidden = opaque || routes.iter().any(|route| route.opaque);
        for route in routes.iter().filter(|route| route.opaque) {
            self.not_expanded(source, route.span, "authorizers, models and computed paths of single routes");
        }
        if let Some(body) = source.get("DefinitionBody") {
            return vec![entry("Body", if hidden { unknown("DefinitionBody") } else { body.clone() })];
        }
        if let Some(uri) = source.get("DefinitionUri") {
            let place = super::function::location(Some(uri));
            let place = match place.get("S3Bucket") {
                Some(bucket) => {
                    node!({ "Bucket": bucket, "Key": (place.get("S3Key")), "Version": (place.get("S3ObjectVersion")) })
                }
                None => place,
            };
            return vec![entry("BodyS3Location", place)];
        }
        if hidden {
            return vec![entry("Body", unknown("Auth"))];
        }
        let mut paths: Vec<Entry> = Vec::new();
        for route in routes {
            let integration = node!({
                "httpMethod": "POST",
                "type": "aws_proxy",
                "payloadFormatVersion": (if rest { None } else { Some("2.0") }),
                "uri": { "Fn::Sub": [
                    "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${__Arn__}/invocations",
                    { "__Arn__": (invoked_arn(&route.function, &self.kinds)) }
                ] }
            });
            let operation = node!({ "responses": {}, "x-amazon-apigateway-integration": integration });
            // A route exists when its function does.
            let operation = match &route.condition {
                Some(condition) => node!({ "Fn::If": [condition, operation, (reference("AWS::NoValue"))] }),
                None => operation,
            };
            let path = match paths.iter_mut().find(|path| path.key.text == route.path) {
                Some(path) => path,
                None => {
                    paths.push(entry(route.path.clone(), node!({})));
                    match paths.last_mut() {
                        Some(path) => path,
                        None => continue,
                    }
                }
            };
            if let Kind::Map(methods) = &mut path.value.kind
                && !methods.iter().any(|method| method.key.text == route.method)
            {
                methods.push(entry(route.method.clone(), operation));
            }
        }
        let title = reference("AWS::StackName");
        let (key, version) = if rest { ("swagger", "2.0") } else { ("openapi", "3.0.1") };
        let mut body = vec![
            entry("info", node!({ "version": "1.0", "title": title })),
            entry("paths", Node::new(Span::NONE, Kind::Map(paths))),
        ];
        body.extend(version.written().map(|version| entry(key, version)));
        vec![entry("Body", Node::new(Span::NONE, Kind::Map(body)))]
    }

    /// The APIs that events imply.
    pub(super) fn implicit_apis(&mut self, globals: Option<&Node>) {
        for (api, kind, rest) in [(IMPLICIT_REST, "Api", true), (IMPLICIT_HTTP, "HttpApi", false)] {
            let Some(routes) = self.routes.get(api) else { continue };
            let first = routes.first();
            let condition = first.and_then(|route| route.condition.clone());
            let same = |route: &Route| {
                route.condition.as_ref().map(|node| &node.kind) == condition.as_ref().map(|node| &node.kind)
            };
            let condition = condition.clone().filter(|_| routes.iter().all(same));
            let span = first.map_or(Span::NONE, |route| route.span);
            let given = entries(globals.and_then(|globals| globals.get(kind)));
            let properties = given.iter().map(|one| (one.key.text.clone(), one.value.clone())).collect();
            let id = SmolStr::new_static(api);
            let source = Source { id, span, properties, condition, depends_on: None, others: Vec::new() };
            if rest { self.rest_api(&source) } else { self.http_api(&source) }
        }
        for (api, routes) in std::mem::take(&mut self.routes) {
            // An API that is declared with another type.
            if let Some(route) = routes.first() {
                let text = format!("`{api}` is not an API that this event can belong to");
                self.scope.report(diagnostics::Diagnostic::warning(crate::NOT_EXPANDED, route.span, text));
            }
        }
    }
}

fn invoked_arn(function: &str, kinds: &indexmap::IndexMap<SmolStr, SmolStr>) -> Node {
    if kinds.contains_key(function) { attribute(function, "Arn") } else { reference(function) }
}

/// A path with `*` for its parameters, as permissions name it.
fn wildcards(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push('*');
        rest = behind;
    }
    out.push_str(rest);
    out
}
