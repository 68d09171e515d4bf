//! Inline queries: what is written after `--inline-query`, made a module that exports a query.

/// The function builders, which the server provides.
const BUILDERS: &str = "convex:/_system/repl/wrappers.js";
/// Words that begin a statement that is no expression.
const STATEMENTS: [&str; 9] = ["const", "let", "var", "if", "for", "while", "switch", "try", "throw"];

/// The module: an expression is returned, statements are the body of the query's handler, and a module that exports a
/// query stays as it is.
pub(crate) fn module(text: &str) -> String {
    let text = text.trim();
    let import = format!("import {{ query, internalQuery }} from \"{BUILDERS}\";");
    if is_module(text) {
        return if text.contains(BUILDERS) { text.to_owned() } else { format!("{import}\n\n{text}") };
    }
    let body = if is_expression(text) {
        format!("return ({});", text.strip_suffix(';').unwrap_or(text))
    } else {
        text.to_owned()
    };
    format!("{import}\n\nexport default query({{\n  handler: async (ctx) => {{\n{body}\n  }},\n}});")
}

/// Whether the text has a default export and calls one of the builders.
fn is_module(text: &str) -> bool {
    text.contains("export default")
        && ["query", "internalQuery"].iter().any(|builder| {
            text.match_indices(builder).any(|(at, name)| {
                let is_word = text[..at].chars().next_back().is_some_and(is_word_character);
                !is_word && text[at + name.len()..].trim_start().starts_with('(')
            })
        })
}

fn is_expression(text: &str) -> bool {
    let word = text.split(|c| !is_word_character(c)).next().unwrap_or_default();
    !text.contains('\n') && word != "return" && !STATEMENTS.contains(&word)
}

fn is_word_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_returned_and_statements_are_not() {
        for (text, line) in [
            ("1 + 1", "return (1 + 1);"),
            (" await ctx.db.query(\"notes\").take(5); ", "return (await ctx.db.query(\"notes\").take(5));"),
            ("constant + 1", "return (constant + 1);"),
            ("const a = 1; return a;", "const a = 1; return a;"),
            ("return 7", "return 7"),
            ("f();\nreturn 8;", "f();\nreturn 8;"),
        ] {
            let module = module(text);
            assert!(module.contains(&format!("{{\n{line}\n")), "{module}");
            assert!(module.starts_with("import { query, internalQuery } from"), "{module}");
        }
    }

    #[test]
    fn modules_stay_as_they_are() {
        let text = "export default query ({ handler: async () => 1 });";
        assert_eq!(
            module(text),
            format!("import {{ query, internalQuery }} from \"convex:/_system/repl/wrappers.js\";\n\n{text}")
        );
        let complete =
            format!("import {{ internalQuery }} from '{BUILDERS}';\nexport default internalQuery(() => 1)");
        assert_eq!(module(&complete), complete);
        assert!(module("'export default ' + ctx.subquery(1)").contains("return ("));
    }
}
