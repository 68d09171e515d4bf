//! `api`: references to the functions of an app, with the types of what they take and return.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{Analysis, ChildComponent, ChildType, header};
use crate::failure::Result;
use crate::typescript::{Package, component_type, property, static_api};

const ABOUT: &str = "References to the functions of this app.";
const API_COMMENT: &str = "/** Functions that clients may call: `api.folder.module.name`. */\n";
const INTERNAL_COMMENT: &str =
    "/** Functions that only other functions may call: `internal.folder.module.name`. */\n";

/// Words that cannot be the name of an import, or are names in the file already.
const TAKEN: [&str; 51] = [
    "fullApi",
    "api",
    "internal",
    "components",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "new",
    "null",
    "return",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "let",
    "static",
    "yield",
    "await",
    "enum",
    "implements",
    "interface",
    "package",
    "private",
    "protected",
    "public",
    "arguments",
];

/// `api.d.ts`.
pub(super) fn declarations(modules: &[String], analysis: &Analysis) -> Result<String> {
    let mut out = header(ABOUT);
    if let Some(functions) = &analysis.functions {
        out.push_str(&static_api(functions, Package::Convex, "export declare const", "")?);
    } else {
        write_imports(&mut out, modules);
        out.push_str("\nimport type {\n  ApiFromModules,\n  FilterApi,\n  FunctionReference,\n} from \"convex/server\";\n\n");
        out.push_str("declare const fullApi: ");
        write_full_api(&mut out, modules);
        out.push_str(";\n\n");
        for (name, visibility, comment) in
            [("api", "public", API_COMMENT), ("internal", "internal", INTERNAL_COMMENT)]
        {
            let _ = writeln!(
                out,
                "{comment}export declare const {name}: FilterApi<\n  typeof fullApi,\n  FunctionReference<any, \"{visibility}\">\n>;\n"
            );
        }
    }
    out.push_str("export declare const components: ");
    write_components(&mut out, analysis)?;
    out.push_str(";\n");
    Ok(out)
}

/// `api.ts`.
pub(super) fn typescript(modules: &[String], analysis: &Analysis) -> Result<String> {
    let mut out = header(ABOUT);
    if let Some(functions) = &analysis.functions {
        out.push_str("import { anyApi, componentsGeneric } from \"convex/server\";\n");
        out.push_str(&static_api(functions, Package::Convex, "export const", " = anyApi as any")?);
    } else {
        write_imports(&mut out, modules);
        out.push_str("\nimport type {\n  ApiFromModules,\n  FilterApi,\n  FunctionReference,\n} from \"convex/server\";\n");
        out.push_str("import { anyApi, componentsGeneric } from \"convex/server\";\n\nconst fullApi: ");
        write_full_api(&mut out, modules);
        out.push_str(" = anyApi as any;\n\n");
        for (name, visibility, comment) in
            [("api", "public", API_COMMENT), ("internal", "internal", INTERNAL_COMMENT)]
        {
            let _ = writeln!(
                out,
                "{comment}export const {name}: FilterApi<\n  typeof fullApi,\n  FunctionReference<any, \"{visibility}\">\n> = anyApi as any;\n"
            );
        }
    }
    out.push_str("export const components = componentsGeneric() as unknown as ");
    write_components(&mut out, analysis)?;
    out.push_str(";\n");
    Ok(out)
}

/// `api.js`: references are made at run time from the names used.
pub(super) fn javascript() -> String {
    format!(
        "{}import {{ anyApi, componentsGeneric }} from \"convex/server\";\n\n{API_COMMENT}export const api = anyApi;\n{INTERNAL_COMMENT}export const internal = anyApi;\nexport const components = componentsGeneric();\n",
        header(ABOUT)
    )
}

/// `api_cjs.cjs`, for `require`.
pub(super) fn common_js() -> String {
    format!(
        "{}const {{ anyApi }} = require(\"convex/server\");\nmodule.exports = {{\n  api: anyApi,\n  internal: anyApi,\n}};\n",
        header(ABOUT)
    )
}

/// The type of the components.
fn write_components(out: &mut String, analysis: &Analysis) -> Result {
    out.push('{');
    for ChildComponent { name, type_of } in &analysis.children {
        let type_of = match type_of {
            ChildType::Imported(folder) => {
                format!(
                    "import(\"{folder}/_generated/component.js\").ComponentApi<{}>",
                    Json::from(name.as_str())
                )
            }
            ChildType::Spelled(functions) => component_type(functions, None, 1)?,
        };
        let _ = write!(out, "\n  {}: {type_of};", property(name));
    }
    out.push_str(if analysis.children.is_empty() { "}" } else { "\n}" });
    Ok(())
}

fn write_imports(out: &mut String, modules: &[String]) {
    for module in modules {
        let path = import_path(module);
        let _ = writeln!(out, "import type * as {} from \"../{path}.js\";", identifier(path));
    }
}

fn write_full_api(out: &mut String, modules: &[String]) {
    out.push_str("ApiFromModules<{");
    for module in modules {
        let path = import_path(module);
        let _ = write!(out, "\n  {}: typeof {};", property(path), identifier(path));
    }
    out.push_str(if modules.is_empty() { "}>" } else { "\n}>" });
}

/// The path of a module without its extension.
fn import_path(module: &str) -> &str {
    module.rsplit_once('.').map_or(module, |(path, _)| path)
}

/// The name under which a module is imported.
fn identifier(path: &str) -> String {
    let name = path.replace(['/', '-'], "_");
    if TAKEN.contains(&name.as_str()) { format!("{name}_") } else { name }
}
