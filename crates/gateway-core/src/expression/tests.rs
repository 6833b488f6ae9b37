//! Expressions from text to answer, with the data of the published vectors.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    document::Place,
    request::{Request, RequestUri},
    request_body::RequestBody,
    subject::{Principal, Subject},
};

const OFFERED: &[Variable] = &[Variable::Request, Variable::Subject, Variable::Outputs, Variable::Values];

fn vectors() -> Json {
    serde_json::from_str(include_str!("../../../../vectors/heimdall/cel-vectors.json")).unwrap()
}

/// The data of the vectors.
struct Context {
    request: Request,
    subject: Subject,
    outputs: BTreeMap<String, Json>,
    values: BTreeMap<String, String>,
}

impl Context {
    fn of(context: &Json) -> Self {
        let described = &context["Request"];
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let method: Method = text(&described["Method"]).parse().unwrap();
        let url = text(&described["URL"]);
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let (path, query) = path.split_once('?').unwrap();
        let uri = RequestUri::new(scheme, host, format!("/{path}"), Some(query));
        let mut request = Request::new(method, uri);
        for (name, value) in described["Captures"].as_object().unwrap() {
            request.captures.insert(name.clone(), text(value));
        }
        for (name, value) in described["Headers"].as_object().unwrap() {
            let name = HeaderName::try_from(name.as_str()).unwrap();
            request.headers.insert(name, HeaderValue::from_str(&text(value)).unwrap());
        }
        for (name, value) in described["Cookies"].as_object().unwrap() {
            let cookie = format!("{name}={}", text(value));
            request.headers.insert("cookie", HeaderValue::from_str(&cookie).unwrap());
        }
        request.client_addresses =
            described["ClientIPAddresses"].as_array().unwrap().iter().map(text).collect();
        request.body = RequestBody::buffered(Bytes::from(described["Body"].to_string()));
        let mut subject = Subject::default();
        for (name, principal) in context["Subject"].as_object().unwrap() {
            let attributes = Arc::new(principal["Attributes"].clone());
            subject.insert(name, Principal { id: text(&principal["ID"]), attributes });
        }
        let outputs = context["Outputs"].as_object().unwrap().clone().into_iter().collect();
        let values =
            context["Values"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value)));
        Self { request, subject, outputs, values: values.collect() }
    }

    fn data(&self) -> ExpressionData<'_> {
        ExpressionData::of_request(&self.request)
            .with_subject(&self.subject)
            .with_outputs(&self.outputs)
            .with_values(&self.values)
    }
}

fn compile(source: &str, diagnostics: &mut Diagnostics) -> Option<Expression> {
    let source = Spanned::new(source.to_owned(), Place::new(Arc::from("f.yaml"), 10, 5).with_text_offset(1));
    let place = ExpressionPlace { used_for: "condition", offered: OFFERED };
    Expression::compile(&source, &place, diagnostics)
}

/// What becomes of an expression, in the words of the vectors.
fn result(source: &str, context: &Context) -> Json {
    match compile(source, &mut Diagnostics::new()).map(|expression| expression.holds(&context.data())) {
        None => json!("compile_error"),
        Some(Err(_)) => json!("evaluation_error"),
        Some(Ok(truth)) => json!(truth),
    }
}

fn context() -> Context {
    Context::of(&vectors()["context"])
}

#[test]
fn every_vector_gives_its_result() {
    let vectors = vectors();
    let context = context();
    let rows = vectors["vectors"].as_array().unwrap();
    for row in rows {
        let source = row["expression"].as_str().unwrap();
        assert_eq!(result(source, &context), row["result"], "{source}");
    }
    assert_eq!(rows.len(), 65);
}

#[track_caller]
fn holds(sources: &[&str]) {
    let context = context();
    for source in sources {
        let mut diagnostics = Diagnostics::new();
        let expression =
            compile(source, &mut diagnostics).unwrap_or_else(|| panic!("{source}: {diagnostics}"));
        assert_eq!(expression.holds(&context.data()), Ok(true), "{source}");
    }
}

#[test]
fn the_standard_library_is_there() {
    holds(&[
        "size('aä') == 2 && 'aä'.size() == 2 && size(b'\\xff') == 1 && size([1, 2]) == 2 && size({1: 2}) == 1",
        "bool('true') && !bool('f')",
        "bytes('a') == b'a' && string(b'a') == 'a'",
        "double('1.5') == 1.5 && double(1) == 1.0 && double(2u) == 2.0",
        "int('-3') == -3 && int(2.9) == 2 && int(-2.9) == -2 && int(3u) == 3",
        "uint(3) == 3u && uint('3') == 3u && uint(3.7) == 3u",
        "string(1) == '1' && string(true) == 'true' && string(1.5) == '1.5' && string(1e6) == '1e+06'",
        "type(1) == int && type(1u) == uint && type('') == string && type([]) == list && type({}) == map",
        "type(null) == null_type && type(int) == type && type(b'') == bytes && type(true) == bool",
        "type(timestamp('2026-01-01T00:00:00Z')) == google.protobuf.Timestamp",
        "'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')",
        "'abc'.matches('^a.c$') && matches('abc', 'b') && !'abc'.matches('^b')",
        "dyn(1) == 1.0 && dyn(1) == dyn(1u)",
        "1 + 2 * 3 == 7 && 7 / 2 == 3 && -7 % 3 == -1 && 1.5 + 1.5 == 3.0 && 2u * 3u == 6u",
        "'a' + 'b' == 'ab' && b'a' + b'b' == b'ab' && [1] + [2] == [1, 2]",
        "1 < 2 && 'a' < 'b' && b'a' < b'b' && false < true && 2u >= 2u && 1.5 <= 2.5",
        "(true ? 1 : 2) == 1 && (false ? 'a' : 'b') == 'b'",
        "1 in [1, 2] && !(3 in [1, 2]) && 'a' in {'a': 1} && 2 in {2: 1}",
        "[1, 2, 3].all(x, x > 0) && [1, 2].exists(x, x == 2) && [1, 2].exists_one(x, x == 2)",
        "[1, 2, 3].filter(x, x > 1) == [2, 3] && [1, 2].map(x, x * 2) == [2, 4]",
        "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
        "[[1, 2], [3]].all(x, x.all(y, y < 4))",
        "{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])",
        "{'a': {'b': [1, 2]}}.a.b[1] == 2 && {1: 'x'}[1] == 'x' && {'a': 1}['a'] == 1",
        "has({'a': 1}.a) && !has({'a': 1}.b)",
        "[1, 2] == [1, 2] && [1, 2] != [2, 1] && {'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
        "dyn([1, 2.0, 'x']) == [1, 2, 'x']",
    ]);
}

#[test]
fn times_are_in_utc_unless_told_otherwise() {
    holds(&[
        "timestamp('2026-03-01T23:30:00Z').getHours() == 23",
        "timestamp('2026-03-01T23:30:00Z').getHours('+02:00') == 1",
        "timestamp('2026-03-01T23:30:00Z').getHours('Europe/Berlin') == 0",
        "timestamp('2026-03-01T23:30:05.250Z').getMilliseconds() == 250",
        "timestamp('2026-03-01T00:00:00Z').getMonth() == 2",
        "timestamp('2026-03-01T00:00:00Z').getDate() == 1",
        "timestamp('2026-03-01T00:00:00Z').getDayOfMonth() == 0",
        "timestamp('2026-03-01T00:00:00Z').getDayOfWeek() == 0",
        "timestamp('2026-03-01T00:00:00Z').getDayOfYear() == 59",
        "timestamp('2026-03-01T00:00:00Z').getFullYear() == 2026",
        "timestamp('2026-03-01T01:00:00+01:00') == timestamp('2026-03-01T00:00:00Z')",
        "timestamp(1) == timestamp('1970-01-01T00:00:01Z') && int(timestamp('1970-01-01T00:01:00Z')) == 60",
        "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') == duration('24h')",
        "timestamp('2026-01-01T00:00:00Z') + duration('1h30m') == timestamp('2026-01-01T01:30:00Z')",
        "duration('90m').getHours() == 1 && duration('90m').getMinutes() == 90",
        "string(duration('1m30.5s')) == '90.5s' && string(duration('-1.5s')) == '-1.5s'",
        "string(timestamp('2026-01-01T00:00:00.5Z')) == '2026-01-01T00:00:00.5Z'",
        "duration('1h') > duration('59m') && -duration('1h') < duration('0')",
    ]);
}

#[test]
fn the_extensions_are_there() {
    holds(&[
        "'aäc'.charAt(1) == 'ä' && 'abc'.charAt(3) == ''",
        "'aäcä'.indexOf('ä') == 1 && 'aäcä'.indexOf('ä', 2) == 3 && 'abc'.indexOf('x') == -1",
        "'aäcä'.lastIndexOf('ä') == 3 && 'aäcä'.lastIndexOf('ä', 2) == 1 && 'abc'.lastIndexOf('') == 3",
        "['a', 'b'].join() == 'ab' && ['a', 'b'].join('-') == 'a-b'",
        "'AbÄ'.lowerAscii() == 'abÄ' && 'abä'.upperAscii() == 'ABä'",
        "'aaa'.replace('a', 'b') == 'bbb' && 'aaa'.replace('a', 'b', 2) == 'bba' && 'aaa'.replace('a', 'b', 0) == 'aaa'",
        "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a'.split(',', 0) == []",
        "'äb'.split('') == ['ä', 'b']",
        "'aäcd'.substring(1) == 'äcd' && 'aäcd'.substring(1, 3) == 'äc'",
        "' \\t a '.trim() == 'a' && 'abc'.reverse() == 'cba'",
        "strings.quote('a\\n\"b') == '\"a\\\\n\\\\\"b\"'",
        "'%s is %d, %.2f, %x, %b, %e'.format(['n', 3, 1.5, 255, 5, 1500.0]) == 'n is 3, 1.50, ff, 101, 1.500000e+03'",
        "'%s %s'.format([[1, 'a'], {'k': true}]) == '[1, a] {k: true}'",
        "[1, 2, 3, 4].slice(1, 3) == [2, 3] && [[1], [2, [3]]].flatten() == [1, 2, [3]]",
        "[[1], [2, [3]]].flatten(2) == [1, 2, 3] && [1, 2, 1].distinct() == [1, 2] && [1, 2].reverse() == [2, 1]",
        "[3, 1, 2].sort() == [1, 2, 3] && ['bb', 'a'].sortBy(x, size(x)) == ['a', 'bb'] && lists.range(3) == [0, 1, 2]",
        "math.greatest(1, 2.5, 2) == 2.5 && math.least([3, 1]) == 1 && math.greatest(7) == 7",
        "math.ceil(1.2) == 2.0 && math.floor(-1.2) == -2.0 && math.round(1.5) == 2.0 && math.trunc(-1.9) == -1.0",
        "math.abs(-3) == 3 && math.sign(-2.5) == -1.0 && math.sqrt(16) == 4.0 && math.isNaN(0.0 / 0.0)",
        "math.bitAnd(6, 3) == 2 && math.bitOr(4u, 1u) == 5u && math.bitXor(6, 3) == 5 && math.bitNot(0) == -1",
        "math.bitShiftLeft(1, 4) == 16 && math.bitShiftRight(16u, 4) == 1u && math.bitShiftLeft(1, 64) == 0",
        "sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && sets.intersects([1], [1, 2])",
        "base64.encode(b'\\xff') == '/w==' && base64.decode('/w') == b'\\xff'",
        "[1, 2].last() == 2 && [1, 2].at(-2) == 1",
        "'a1b22'.regexFind('[0-9]{2}') == '22' && 'abc'.regexFind('[0-9]') == '' && 'x'.regexFindAll('y') == []",
        "'::ffff:10.1.2.3' in networks('10.0.0.0/8') && '10.0.0.1' in networks('10.0.0.1')",
        "!(['10.0.0.1', '11.0.0.1'] in networks('10.0.0.0/8')) && !([] in networks('10.0.0.0/8'))",
        "'2001:db8::1' in networks(['2001:db8::/32'])",
    ]);
}

#[test]
fn regular_expressions_are_those_of_re2() {
    holds(&[
        r"!'٣'.matches(r'^\d$') && '3'.matches(r'^\d$') && !'ä'.matches(r'\w') && 'a'.matches('^' + 'a')",
    ]);
}

#[test]
fn what_decides_outweighs_errors_beside_it() {
    holds(&[
        "Outputs.m.nope == 'x' || true",
        "true || Outputs.m.nope == 'x'",
        "!(Outputs.m.nope == 'x' && false)",
        "[1, 2].exists(x, 1 / (x - 1) == 1)",
        "![1, 0].all(x, 1 / x == 2)",
        "false ? Outputs.m.nope == 'x' : true",
    ]);
    let context = context();
    for source in
        ["Outputs.m.nope == 'x' || false", "Outputs.m.nope == 'x' && true", "[0, 1].all(x, 1 / x == 1)"]
    {
        assert_eq!(result(source, &context), "evaluation_error", "{source}");
    }
}

#[test]
fn the_request_and_its_subject_have_their_members() {
    holds(&[
        "Request.Method == 'POST' && Request.URL.Scheme == 'http' && Request.URL.RawQuery == 'q=1'",
        "Request.URL.RawPath == '/c/7' && Request.URL.Captures['id'] == '7' && 'id' in Request.URL.Captures",
        "Request.URL.Query()['q'][0] == '1' && size(Request.URL.Query()) == 1",
        "Subject['default'].ID == 'anonymous' && 'default' in Subject && !('other' in Subject)",
        "has(Subject.default) && !has(Subject.machine) && has(Request.Method)",
        "Request.Body().l.map(x, x + '!') == ['a!', 'b!'] && type(Request.Body()) == map",
        "Outputs['m'].k + Values.v == 'v10'",
    ]);
}

#[test]
fn errors_name_the_part_and_no_value() {
    let context = context();
    let failure = |source: &str| {
        compile(source, &mut Diagnostics::new()).unwrap().holds(&context.data()).unwrap_err().to_string()
    };
    assert_eq!(
        failure("Request.Method == 'POST' &&\n  Request.Body().zz == 1"),
        "`Request.Body().zz`: there is no such key (line 2, column 3)"
    );
    assert_eq!(
        failure("{'a': 1}[Values.v] == 1"),
        "`{'a': 1}[Values.v]`: there is no such key (line 1, column 1)"
    );
    assert_eq!(
        failure("Request.Body().s + 1 == 2"),
        "`Request.Body().s + 1`: `+` is not defined for (string, int) (line 1, column 1)"
    );
    assert_eq!(
        failure("Subject.Attributes.x || Subject.ID == Values.nope"),
        "`Subject.Attributes.x`: there is no such key (line 1, column 1)"
    );
    assert_eq!(
        failure("Request.Body().s || false"),
        "`Request.Body().s`: a value of type string is neither true nor false (line 1, column 1)"
    );
}

#[track_caller]
fn refused(source: &str, expected: &str) {
    let mut diagnostics = Diagnostics::new();
    assert!(compile(source, &mut diagnostics).is_none(), "{source}");
    let error = diagnostics.errors().next().unwrap();
    assert_eq!(error.code, Code::BadCel);
    let said = format!("{} [{}]", error.headline, error.hint.as_deref().unwrap_or_default());
    assert_eq!(said, format!("condition does not compile: {expected}"), "{source}");
}

#[test]
fn mistakes_are_found_at_load_with_a_hint() {
    refused("Subject.ID = 'x'", "unexpected `=` after `ID` [comparison is `==`]");
    refused(
        "1 + 1",
        "the result is `int`, neither true nor false [the result is `int`; compare it with something]",
    );
    refused(
        "Subject.Attributes.email_verified",
        "the result is `dyn`, neither true nor false [whether it is true or false only shows with the data: compare it, for example with `== true`]",
    );
    refused("Reqest.Method == 'GET'", "unknown name `Reqest` [did you mean `Request`?]");
    refused("Payload.x == 1", "`Payload` is not offered here [use Request, Subject, Outputs, Values]");
    refused("Request.Method == 1", "`==` is not defined for (string, int) []");
    refused(
        "size(Outputs) == 1.0",
        "`==` is not defined for (int, double) [convert one side, for example with `double(…)` or `int(…)`]",
    );
    refused("Request.Method.startsWit('G')", "unknown function `startsWit` [did you mean `startsWith`?]");
    refused(
        "startsWith(Request.Method, 'G')",
        "unknown function `startsWith` [call it on a value: `value.startsWith(…)`]",
    );
    refused(
        "Request.Method.startsWith(1)",
        "`startsWith` is not defined for (string, int) [it takes (string, string)]",
    );
    refused(
        "Request.Header('a', 'b') == ''",
        "`Header` is not defined for (Request, string, string) [it takes (Request, string)]",
    );
    refused("!Request.Method", "the result is `string`, neither true nor false []");
    refused("Request.Method && true", "the result is `string`, neither true nor false []");
    refused("'x'.matches('[')", "the regular expression does not compile: unclosed character class []");
    refused("Request.Method.length == 1", "a value of type `string` has no member `length` []");
    refused(
        "Request.Method.size == 1",
        "a value of type `string` has no member `size` [it is a function: `.size(…)`]",
    );
    refused("has(Request)", "`has` takes one member: `has(a.b)` []");
    refused("[1].all(x.y, true)", "the first argument must be a simple name []");
    refused(
        "type(Error) == authentication_error",
        "`Error` is not offered here [use Request, Subject, Outputs, Values]",
    );
    refused(
        "cel.bind(x, 1, x == 1)",
        "unknown name `cel` [known here: Request, Subject, Outputs, Values; text stands in quotation marks]",
    );
    refused("true ? 1 : 'a'", "the branches have the types `int` and `string` [give both branches one type]");
}

#[test]
fn what_fails_for_every_request_is_warned_about() {
    let warned = |source: &str| {
        let mut diagnostics = Diagnostics::new();
        assert!(compile(source, &mut diagnostics).is_some(), "{source}: {diagnostics}");
        diagnostics.warnings().map(|warning| (warning.code, warning.places[0].column)).collect::<Vec<_>>()
    };
    assert_eq!(warned("Request.Nope == 1"), [(Code::TemplateReadsUnknown, 6)]);
    assert_eq!(warned("true || '1.1.1.1' in networks(['10.0.0.0/33'])"), [(Code::BadNetwork, 27)]);
    assert_eq!(warned("duration('1 h') == duration('1h')"), [(Code::BadCel, 6)]);
    assert_eq!(warned("Request.Method == ''"), []);
}

#[test]
fn places_are_those_in_the_file() {
    let place = Place::new(Arc::from("f.yaml"), 10, 5).with_lines(2).with_text_offset(0);
    let source = Spanned::new("true &&\n  Nope.x".to_owned(), place);
    let place = ExpressionPlace { used_for: "condition", offered: OFFERED };
    let mut diagnostics = Diagnostics::new();
    assert!(Expression::compile(&source, &place, &mut diagnostics).is_none());
    let error = diagnostics.errors().next().unwrap();
    assert_eq!((error.places[0].line, error.places[0].column), (11, 7));
}

#[test]
fn work_is_bounded() {
    let context = context();
    let exhausted = |source: &str| {
        let outcome = compile(source, &mut Diagnostics::new()).unwrap().holds(&context.data());
        matches!(outcome, Err(ExpressionError { cause: ExpressionErrorCause::TooMuchWork { .. }, .. }))
    };
    assert!(exhausted("lists.range(10000).all(x, lists.range(10000).all(y, x < 20000 && y < 20000))"));
    assert!(!exhausted("true || lists.range(100000).all(x, lists.range(100000).all(y, true))"));
    assert!(exhausted("lists.range(100000).all(x, lists.range(100000).all(y, true)) || true"));
    assert!(exhausted(
        "lists.range(100000).map(x, 'aaaaaaaaaaaaaaaa').join().replace('a', 'bbbbbbbbbbbbbbbb') == ''"
    ));
    assert!(exhausted("lists.range(10000).distinct() == []"));
}

#[test]
fn an_expression_knows_whether_it_reads_the_body() {
    let reads = |source: &str| compile(source, &mut Diagnostics::new()).unwrap().reads_body();
    assert!(reads("Request.Body().n == 3") && reads("dyn(Request).Body() == ''"));
    assert!(!reads("Request.Method == 'GET'"));
}

#[test]
fn a_body_that_was_not_read_is_an_error() {
    struct Unread;
    impl crate::request_body::BodySource for Unread {
        fn read(&self, _: usize) -> crate::request_body::BodyFuture<'_> {
            Box::pin(std::future::ready(Ok(Bytes::new())))
        }
    }
    let mut context = context();
    context.request.body = RequestBody::new(Arc::new(Unread));
    assert_eq!(result("Request.Body() == ''", &context), "evaluation_error");
}
