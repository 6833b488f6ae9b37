//! Rule sets and the default rule as they are written, for schema and reference.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::StepKind;
use crate::{
    document::schema::{Expression, HeaderFieldName, OriginText},
    mechanisms,
};

/// A rule set: the rules of one file.
#[derive(JsonSchema)]
#[schemars(rename = "RuleSet")]
#[expect(dead_code, reason = "described, not built")]
pub struct WrittenRuleSet {
    /// The version of the format: `1beta1`, or the older `1alpha4`. Without it, or with the older one, the file is read with
    /// a warning.
    version: Option<WrittenVersion>,
    /// The set's name, for people.
    name: Option<String>,
    /// The rules. Of rules at the same place the first that matches a request wins.
    rules: Vec<WrittenRule>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
enum WrittenVersion {
    #[schemars(rename = "1beta1")]
    V1Beta1,
    #[schemars(rename = "1alpha4")]
    V1Alpha4,
}

/// One rule: which requests it is for, where they go, and the steps of its pipeline.
#[derive(JsonSchema)]
#[schemars(rename = "Rule")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRule {
    /// A name that is unique in all rule sets of a provider; logs, metrics and traces show it.
    id: String,
    /// Which requests the rule is for.
    r#match: WrittenMatch,
    /// Where requests go. Needed in proxy mode.
    forward_to: Option<WrittenForwardTo>,
    /// What `%2F` in a path means.
    #[schemars(extend("default" = "off"))]
    allow_encoded_slashes: Option<WrittenSlashes>,
    /// The origin that clients use to reach this rule, when it is not that of `serve`. A proof's `htu` is compared with it.
    #[schemars(extend("x-keybound" = true))]
    public_origin: Option<OriginText>,
    /// The steps: authenticators, then authorizers and contextualizers in any order, then finalizers. A stage that is left
    /// out is taken from the default rule.
    execute: Steps,
    /// Error handlers; the first whose `if` holds shapes a refusal. Left out, those of the default rule.
    on_error: Option<ErrorSteps>,
}

/// The pipeline for requests that no rule matches; rules take from it the stages that they do not have.
#[derive(JsonSchema)]
#[schemars(rename = "DefaultRule")]
#[expect(dead_code, reason = "described, not built")]
pub struct WrittenDefaultRule {
    /// The steps: authenticators, of which one must be for the principal `default`, then authorizers and contextualizers,
    /// then finalizers.
    execute: Steps,
    /// Error handlers; the first whose `if` holds shapes a refusal. Without one, `default`.
    on_error: Option<ErrorSteps>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenSlashes {
    /// The request is refused with 400.
    Off,
    /// It is part of one segment; captured and forwarded as `/`.
    On,
    /// It is part of one segment; captured and forwarded as sent.
    NoDecode,
}

/// Which requests a rule is for, in the present form or in an older one.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "described, not built")]
enum WrittenMatch {
    /// The present form.
    Present(WrittenHttpMatch),
    /// The form of version `1alpha4` and of early files of `1beta1`; read with a warning. `keybound convert ruleset`
    /// rewrites it.
    Older(WrittenOlderMatch),
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenHttpMatch {
    /// The request: path, and if wanted scheme, methods and hosts.
    http: WrittenHttp,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenHttp {
    /// The paths; one must match.
    paths: Vec<WrittenPath>,
    /// The scheme; any when missing.
    scheme: Option<WrittenScheme>,
    /// The methods; any when missing. `ALL` stands for the usual nine, `!` in front takes one away: `[ALL, "!TRACE"]`.
    methods: Option<Vec<String>>,
    /// The hosts, with the port if clients send one; any when missing. `*.` in front stands for one or more labels.
    hosts: Option<Vec<String>>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenPath {
    /// Literals; `:name` for one segment, `*name` for all that follows; `:*` and `**` without a name.
    path: String,
    /// Conditions on what the named wildcards stand for; all must hold.
    captures: Option<Vec<WrittenCapture>>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenCapture {
    /// The wildcard's name.
    name: String,
    /// How the value is compared.
    r#type: WrittenCaptureType,
    /// The text, the glob (`/` separates) or the regular expression (RE2, not anchored).
    value: String,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenCaptureType {
    Exact,
    Glob,
    Regex,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenOlderMatch {
    /// The paths; today `http.paths`.
    routes: Vec<WrittenRoute>,
    /// The scheme; today `http.scheme`.
    scheme: Option<WrittenScheme>,
    /// The methods; today `http.methods`.
    methods: Option<Vec<String>>,
    /// The hosts: texts, or with a type as in `1alpha4`; today `http.hosts`.
    hosts: Option<Vec<WrittenOlderHost>>,
    /// Without effect since heimdall 0.17.
    backtracking_enabled: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRoute {
    /// As in `http.paths`.
    path: String,
    /// Today `captures`.
    path_params: Option<Vec<WrittenCapture>>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "described, not built")]
enum WrittenOlderHost {
    Pattern(String),
    Typed(WrittenTypedHost),
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenTypedHost {
    /// How the host is compared. `glob` and `regex` have no equivalent in the present form.
    r#type: WrittenHostType,
    /// The host, the pattern with `*.` in front, the glob (`.` separates) or the regular expression.
    value: String,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenHostType {
    Exact,
    Wildcard,
    Glob,
    Regex,
}

/// `http` or `https`, in any case.
struct WrittenScheme;

impl JsonSchema for WrittenScheme {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Scheme")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^([hH][tT][tT][pP][sS]?)?$", "examples": ["https"]})
    }
}

/// Where requests of a rule go in proxy mode.
#[derive(JsonSchema)]
#[schemars(rename = "ForwardTo")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenForwardTo {
    /// Name or address of the upstream, with the port if it is not the scheme's: `orders.internal:8443`.
    host: String,
    /// Whether the upstream gets the client's `Host`, not its own name.
    #[schemars(extend("default" = true))]
    forward_host_header: Option<bool>,
    /// Changes of the URI, in the order of the keys below.
    rewrite: Option<WrittenRewrite>,
    /// What the upstream gets of the client's credentials, as long as no finalizer replaces `Authorization`.
    #[schemars(extend("default" = "keep", "x-keybound" = true))]
    credentials: Option<WrittenCredentials>,
    /// A header that carries the thumbprint (RFC 7638) of the proven key to the upstream. A client's header of this name is
    /// always removed.
    #[schemars(extend("x-keybound" = true))]
    thumbprint_header: Option<HeaderFieldName>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenRewrite {
    /// The scheme towards the upstream; else the one that the client used.
    scheme: Option<WrittenScheme>,
    /// Taken away from the start of the path, whole segments only.
    strip_path_prefix: Option<String>,
    /// Put in front of the path.
    add_path_prefix: Option<String>,
    /// Names of query parameters that are taken away; the others keep their order.
    strip_query_parameters: Option<Vec<String>>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenCredentials {
    /// `Authorization` and `DPoP` as sent.
    Keep,
    /// Neither.
    Strip,
    /// The token as `Bearer`, without the proof.
    Bearer,
}

/// The steps of `execute`.
struct Steps;
/// The steps of `on_error`.
struct ErrorSteps;

impl JsonSchema for Steps {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Steps")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kinds =
            [StepKind::Authenticator, StepKind::Authorizer, StepKind::Contextualizer, StepKind::Finalizer];
        let steps = kinds.map(|kind| step(kind, generator));
        json_schema!({"type": "array", "minItems": 1, "items": {"oneOf": steps}})
    }
}

impl JsonSchema for ErrorSteps {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("ErrorSteps")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let step = step(StepKind::ErrorHandler, generator);
        json_schema!({"type": "array", "items": step})
    }
}

/// One step of a kind. Which `config` it may have depends on the type of the mechanism, which only the catalogue knows.
fn step(kind: StepKind, generator: &mut SchemaGenerator) -> Value {
    let described =
        mechanisms::describe_all(generator).into_iter().filter(|mechanism| mechanism.kind == kind);
    let mut configs: Vec<Value> = Vec::new();
    for config in described.map(|mechanism| mechanism.step_config.to_value()) {
        if !configs.contains(&config) {
            configs.push(config);
        }
    }
    let key = kind.as_str();
    let name = key.replace('_', " ");
    let mut step = json!({
        "type": "object",
        "description": format!("Runs one of the catalogue's {name}s."),
        "required": [key],
        "properties": {
            key: {"type": "string", "description": format!("The {name}'s id in the catalogue.")},
            "id": {"type": "string", "description": "The step's own id, unique in its pipeline; the mechanism's when missing."},
            "config": {"description": "What is different from the catalogue here."},
        },
    });
    if let Some(properties) = step.get_mut("properties").and_then(Value::as_object_mut) {
        if let Some(config) = properties.get_mut("config").and_then(Value::as_object_mut)
            && !configs.is_empty()
        {
            config.insert("anyOf".to_owned(), json!(configs));
        }
        if kind == StepKind::Authenticator {
            let principal = json!({
                "type": "string",
                "default": "default",
                "description": "The principal that the authenticator establishes. Several authenticators of one principal are a fallback chain.",
            });
            properties.insert("principal".to_owned(), principal);
        } else {
            let mut condition = generator.subschema_for::<Expression>();
            condition.insert(
                "description".to_owned(),
                json!("The step runs only if this holds; without it, always."),
            );
            properties.insert("if".to_owned(), condition.to_value());
        }
    }
    step
}
