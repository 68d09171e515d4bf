//! Packages and what analysis finds in them.

use std::collections::BTreeMap;

use serde_json::json;

use super::app::{analyze, config, js, source, sources};
use crate::function::{FunctionKind, Visibility};
use crate::js::{Environment, ImportedDefinition, ModuleSource, Package};

fn refused(modules: &[(&str, &str)]) -> String {
    let error = analyze(sources(modules)).unwrap_err();
    assert_eq!(error.code(), "InvalidModules");
    error.message().to_owned()
}

#[test]
fn functions_are_found_with_kind_visibility_and_validators() {
    let text = r#"
import { query, internalMutation, action, strangeQuery } from "../_deps/convex.js";
export const list = query({ args: { type: "object", value: {} }, returns: { type: "string" }, handler: async () => "x" });
const send = internalMutation(async () => {});
export { send as default };
export const act = action(async () => {});
export const strange = strangeQuery(async () => {});
export const helper = () => 1;
export const both = Object.assign(() => 1, { isQuery: true, isMutation: true });
export const value = 7;
"#;
    let found = analyze(sources(&[("a/b.js", text)])).unwrap();
    let module = &found["a/b.js"];
    let names: Vec<_> = module.functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["act", "default", "list", "strange"]);
    let [act, send, list, strange] = &module.functions[..] else { panic!() };
    assert_eq!((act.kind, act.visibility), (FunctionKind::Action, Some(Visibility::Public)));
    assert_eq!((send.kind, send.visibility), (FunctionKind::Mutation, Some(Visibility::Internal)));
    assert_eq!(list.args.as_deref(), Some(r#"{"type":"object","value":{}}"#));
    assert_eq!(list.returns.as_deref(), Some(r#"{"type":"string"}"#));
    assert_eq!(act.returns.as_deref(), Some("null"));
    assert_eq!(strange.visibility, None);
    let position = list.position.as_ref().unwrap();
    assert_eq!((position.path.as_str(), position.line), ("a/b.js", 3));
    assert!(found.keys().all(|path| !path.starts_with("_deps/")));
}

#[test]
fn what_does_not_load_is_told_with_its_place() {
    let text = refused(&[("a.js", "export const x = 1;\nconst y = ;")]);
    assert!(text.starts_with("Failed to compile a.js: SyntaxError: ") && text.contains("a.js:2:"), "{text}");
    assert!(text.ends_with("const y = ;"), "{text}");
    let text = refused(&[("a.js", "import { x } from './missing.js';")]);
    assert!(text.starts_with("Could not resolve \"./missing.js\" imported by a.js."), "{text}");
    let text = refused(&[("a.js", "import fs from 'fs';")]);
    assert!(text.contains("use node"), "{text}");
    let text = refused(&[("a.js", "export const x = 1;\nfunction f() { throw new TypeError('no'); }\nf();")]);
    assert!(text.starts_with("Failed to analyze a.js: Uncaught TypeError: no\n    at f (a.js:2:"), "{text}");
    let text = refused(&[("a.js", "import { nothing } from './_deps/convex.js';")]);
    assert!(text.contains("nothing"), "{text}");
    let text = refused(&[("a.js", "for (;;) {}")]);
    assert!(text.contains("Function execution timed out (maximum duration: 1s)"), "{text}");
    let text = refused(&[("a.js", "await new Promise(() => {});")]);
    assert!(text.contains("never settle"), "{text}");
    let text = refused(&[("a.js", "await Convex.asyncSyscall('1.0/get', '{}');")]);
    assert!(text.contains("at import time"), "{text}");
}

#[test]
fn loading_happens_at_a_fixed_time() {
    let package = Package::new(js().engine(), sources(&[("a.js", "export const x = 1;")])).unwrap();
    js().analyze(&package, &BTreeMap::new(), config()).unwrap();
    assert_eq!(*package.udf_config(), config());
}

#[test]
fn stored_code_saves_compiling() {
    let modules = sources(&[("a.js", "export const x = 1;")]);
    let package = Package::new(js().engine(), modules.clone()).unwrap();
    let stored = package.bytecode();
    let again = Package::from_bytecode(js().engine(), modules.clone(), &stored).unwrap();
    assert_eq!(again.bytecode(), stored);
    js().analyze(&again, &BTreeMap::new(), config()).unwrap();
    let other = Package::from_bytecode(js().engine(), modules, b"nonsense").unwrap();
    assert_eq!(other.bytecode(), stored);
}

#[test]
fn modules_for_node_are_listed_without_running_there() {
    let text = r#"
import fs, { readFile as read } from "node:fs";
import { Sharp } from "sharp";
import { action, internalAction } from "./_deps/convex.js";
const image = new Sharp(read.name).resize(3).options.deep;
export const resize = action({ args: { type: "object", value: {} }, handler: async () => fs.readFileSync("x") });
export const inner = internalAction(async () => image);
"#;
    let mut modules = sources(&[]);
    modules.push(ModuleSource { environment: Environment::Node, ..source("images.js", text) });
    let found = analyze(modules).unwrap();
    let functions = &found["images.js"].functions;
    assert_eq!(functions.len(), 2);
    assert_eq!((functions[0].name.as_str(), functions[0].visibility), ("inner", Some(Visibility::Internal)));
    assert_eq!(functions[1].args.as_deref(), Some(r#"{"type":"object","value":{}}"#));
}

#[test]
fn crons_and_routes_are_read() {
    let crons = r#"
export default { isCrons: true, export: () => JSON.stringify({
  clean: { name: "jobs:clean", args: [{ days: 3 }], schedule: { type: "interval", hours: 2 } },
  report: { name: "jobs:report", args: [{}], schedule: { type: "cron", cron: "0 9 * * *" } },
}) };
"#;
    let http = r#"
import { httpAction, router } from "./_deps/convex.js";
const hello = httpAction(async () => new Response("hello"));
export default router([["/hello", "GET", hello], ["/files/*", "POST", hello]]);
"#;
    let found = analyze(sources(&[("crons.js", crons), ("http.js", http)])).unwrap();
    let crons = found["crons.js"].crons.as_ref().unwrap();
    assert_eq!(crons.len(), 2);
    assert_eq!(
        (crons[0].name.as_str(), crons[0].path.as_str(), crons[0].args.len()),
        ("clean", "jobs:clean", 1)
    );
    let routes = found["http.js"].http_routes.as_ref().unwrap();
    let described: Vec<_> = routes
        .iter()
        .map(|route| {
            let position = route.position.as_ref().unwrap();
            (route.path.as_str(), route.method.as_str(), position.path.as_str(), position.line)
        })
        .collect();
    assert_eq!(described, [("/hello", "GET", "http.js", 3), ("/files/*", "POST", "http.js", 3)]);
    let bad = "export default { isCrons: true, export: () => JSON.stringify({ x: { name: 'a:b', args: [], schedule: { type: 'interval', seconds: 0 } } }) };";
    assert_eq!(analyze(sources(&[("crons.js", bad)])).unwrap_err().code(), "InvalidCron");
    let text = refused(&[("http.js", "export default 7;")]);
    assert!(text.contains("not a router"), "{text}");
}

#[test]
fn definitions_are_evaluated() {
    let schema = source(
        "schema.js",
        "export default { export: () => JSON.stringify({ tables: [], schemaValidation: true }) };",
    );
    assert_eq!(js().evaluate_schema(&schema).unwrap()["schemaValidation"], true);
    let broken = source("schema.js", "throw new Error('circular');");
    let error = js().evaluate_schema(&broken).unwrap_err();
    assert_eq!(error.code(), "InvalidSchema");
    assert!(error.message().starts_with("Failed to evaluate schema.js: Uncaught Error: circular"), "{error}");
    assert_eq!(
        js().evaluate_schema(&source("schema.js", "export const x = 1;")).unwrap_err().code(),
        "InvalidSchema"
    );
    for (text, expected) in [
        ("const node = { child: node };", "ReferenceError: "),
        (
            "const node = {}; node.child = node; export default { export: () => JSON.stringify({ tables: [node] }) };",
            "circular",
        ),
        ("const f = () => f(); export default { export: f };", "Maximum call stack size exceeded"),
    ] {
        let error = js().evaluate_schema(&source("schema.js", text)).unwrap_err();
        assert!(error.code() == "InvalidSchema" && error.message().contains(expected), "{error}");
    }
    let app = source("convex.config.js", "export default { export: () => '{\"httpPrefix\":null}' };");
    assert!(js().evaluate_definition(&app, &[], &BTreeMap::new()).unwrap().is_object());
}

#[test]
fn definitions_import_each_other_by_path() {
    let imported = ImportedDefinition {
        path: "../components/counter".to_owned(),
        default_name: "counter".to_owned(),
        export: json!({"definitionType": {"type": "childComponent"}}),
    };
    let text = r#"
import counter from "./_componentDeps/Li4vY29tcG9uZW50cy9jb3VudGVy";
const { componentDefinitionPath: path, defaultName: name } = counter;
export default { export: () => ({ path, name, type: JSON.parse(counter.export()).definitionType.type }) };
"#;
    let evaluate = |text: &str, imported: &[ImportedDefinition]| {
        js().evaluate_definition(&source("convex.config.js", text), imported, &BTreeMap::new())
    };
    assert_eq!(
        evaluate(text, std::slice::from_ref(&imported)).unwrap(),
        json!({"path": "../components/counter", "name": "counter", "type": "childComponent"})
    );
    for (text, words) in [
        (text, "Could not resolve"),
        ("export default { export: () => ({}) }; export const more = 1;", "Move more to another file"),
        ("export const more = 1;", "Move more to another file"),
        ("export default 7;", "cannot be exported"),
        ("throw new Error('no');", "Uncaught Error: no"),
    ] {
        let error = evaluate(text, &[]).unwrap_err();
        assert_eq!(error.code(), "InvalidDefinition", "{error}");
        assert!(error.message().contains(words), "{error}");
    }
}
