//! Golden scripts for calls between components: what is rolled back with a call and what is not.
//!
//! `run PLAN` calls the function of the app that does what the plan says; every component has the same function. A plan is
//! a list of steps between semicolons: `write N`, `keep TEXT` (a file), `forget` (all files), `job PLAN` (later), `cancel`
//! (the job it runs for), `count` (what the component holds), `see COMPONENT` (what another one holds, by a query),
//! `call COMPONENT { PLAN }`, which goes on if that fails, and `throw`. `mount COMPONENTS…` makes these the components
//! there are, `settle` runs jobs, `show` tells what each component holds.

use std::error::Error as StdError;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use fusion_schema::{Object, Typed, Value, object};
use goldenscript::{Command, Context};

use super::Scheduler;
use crate::auth::Identity;
use crate::database::ComponentId;
use crate::function::testing::{ManualClock, Settings, call, mount, runner};
use crate::function::{
    Application, FunctionKind, FunctionPath, FunctionRunner, LogLevel, MutationCtx, QueryCtx, Visibility,
};
use crate::system::all;
use crate::system::files::Files;
use crate::system::jobs::Job;
use crate::{Error, Result};

test_each_file::test_each_path! { in "./runtime/src/scheduler/component_scripts" => script }

fn script(path: &Path) {
    goldenscript::run(&mut Script::new(), path).expect("golden script");
}

/// The first step of a plan and the rest, as words and what stands in braces.
fn split(plan: &str) -> (&str, &str) {
    let mut depth = 0;
    let end = plan.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ';' && depth == 0
    });
    let (step, rest) = end.map_or((plan, ""), |end| (&plan[..end], &plan[end + 1..]));
    (step.trim(), rest.trim())
}

/// A step's word, what follows it, and the plan in its braces.
fn parts(step: &str) -> (&str, &str, &str) {
    let (head, tail) = step.split_once('{').unwrap_or((step, ""));
    let (word, rest) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
    // Only the last brace is this step's own.
    (word, rest.trim(), tail.trim().strip_suffix('}').unwrap_or(tail).trim())
}

fn plan_of(text: &str) -> Object {
    object! { "plan" => text }
}

fn run(ctx: &mut MutationCtx<'_>, args: Object) -> Result<f64> {
    let mut plan = args.get("plan").and_then(Value::as_str).unwrap_or_default();
    while !plan.is_empty() {
        let (step, rest) = split(plan);
        plan = rest;
        take(ctx, step)?;
    }
    Ok(ctx.tx().count("things")? as f64)
}

fn take(ctx: &mut MutationCtx<'_>, step: &str) -> Result<()> {
    let (word, rest, inner) = parts(step);
    let execution = ctx.execution();
    let own = execution.current().cloned().ok_or_else(|| Error::function("no function"))?;
    match word {
        "write" => {
            let value: f64 = rest.parse().map_err(|_| Error::function("no number"))?;
            execution.tx().insert("things", object! { "value" => value })?;
        }
        "keep" => drop(execution.store_file(rest.to_owned().into(), None, None)?),
        "forget" => {
            for file in all(execution.tx(), "_storage")? {
                execution.delete_file(file.id())?;
            }
        }
        "job" => {
            let now = execution.now_ms();
            execution.schedule(now, &own, plan_of(inner))?;
        }
        "cancel" => {
            let job = execution.caller().job().ok_or_else(|| Error::function("no job"))?;
            execution.cancel_job(job.id)?;
        }
        "count" => {
            let count = execution.tx().count("things")?;
            ctx.log(LogLevel::Log, format!("{} holds {count}", name(own.component())));
        }
        "see" => {
            let path = FunctionPath::parse("m:held")?.in_component(component(rest));
            let count = execution.run_nested(&path, FunctionKind::Query, Object::new())?;
            let count = count.as_f64().unwrap_or_default();
            ctx.log(LogLevel::Log, format!("{} sees {count} in {rest}", name(own.component())));
        }
        "call" => {
            let path = own.in_component(component(rest));
            if let Err(error) = execution.run_nested(&path, FunctionKind::Mutation, plan_of(inner)) {
                let text = error.message().lines().next().unwrap_or_default().to_owned();
                ctx.log(LogLevel::Log, format!("{} caught: {text}", name(own.component())));
            }
        }
        "throw" => return Err(Error::function("thrown")),
        other => return Err(Error::function(format!("no step: {other}"))),
    }
    Ok(())
}

/// What scripts call a component.
fn name(component: &str) -> &str {
    if component.is_empty() { "app" } else { component }
}

fn component(name: &str) -> &str {
    if name == "app" { "" } else { name }
}

fn app() -> Application {
    let mut app = Application::new("test");
    app.module("m", Visibility::Public, (), |module| {
        module.mutation("run", run).query("held", |ctx: &mut QueryCtx<'_>, _: Object| {
            Ok(ctx.execution().tx().count("things")? as f64)
        });
    });
    app
}

struct Script {
    runtime: tokio::runtime::Runtime,
    runner: Arc<FunctionRunner>,
    scheduler: Scheduler,
}

impl Script {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let inside = runtime.enter();
        let runner = runner(app(), ManualClock::at_ms(1_767_225_600_000));
        let scheduler = Scheduler::new(runner.clone());
        drop(inside);
        Self { runtime, runner, scheduler }
    }

    fn run(&self, plan: &str) -> Result<String, Box<dyn StdError>> {
        let mut call = call("m:run", plan_of(plan));
        call.identity = Identity::System;
        let outcome = self.runtime.block_on(self.runner.any(call));
        let mut text = String::new();
        for line in &outcome.log_lines {
            writeln!(text, "{}", line.messages.join(" ").trim_matches('\''))?;
        }
        match &outcome.result {
            Ok(_) => text.push_str("done"),
            Err(error) => text.push_str(error.detail().lines().next().unwrap_or_default()),
        }
        Ok(text)
    }

    fn show(&self) -> Result<String, Box<dyn StdError>> {
        let mut tx = self.runner.deployment().database.begin_query();
        let catalog = tx.snapshot().catalog().clone();
        let mounted = catalog.components().map(|meta| (meta.id, meta.path.clone(), meta.is_active));
        let mut text = String::new();
        for (id, path, is_active) in std::iter::once((ComponentId::ROOT, Arc::from(""), true)).chain(mounted)
        {
            let former = tx.enter(id);
            let mut things: Vec<String> = Vec::new();
            for row in all(&mut tx, "things")? {
                things
                    .push(row.fields().get("value").and_then(Value::as_f64).unwrap_or_default().to_string());
            }
            let mut files = Vec::new();
            for row in all(&mut tx, "_storage")? {
                let file = Files::new(&mut tx).get(row.id())?.ok_or("no file")?;
                let content = self.runtime.block_on(self.runner.deployment().files.read(&file.uuid))?;
                files.push(String::from_utf8(content.to_vec())?);
            }
            let mut jobs = Vec::new();
            for row in all(&mut tx, "_scheduled_functions")? {
                jobs.push(format!("{:?}", Job::decode(row.to_value())?.state));
            }
            tx.enter(former);
            for list in [&mut things, &mut files, &mut jobs] {
                list.sort();
            }
            let state = if is_active { "" } else { " (unmounted)" };
            let (name, things) = (name(&path), things.join(","));
            writeln!(
                text,
                "{name}{state}: [{things}] files [{}] jobs [{}]",
                files.join(","),
                jobs.join(",")
            )?;
        }
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        Ok(lines.join("\n"))
    }
}

impl goldenscript::Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn StdError>> {
        let mut args = command.consume_args();
        match command.name.as_str() {
            "run" => Self::run(self, args.next_pos().ok_or("which plan?")?),
            "mount" => {
                let mut names = Vec::new();
                while let Some(name) = args.next_pos() {
                    names.push(name);
                }
                self.runtime.block_on(mount(&self.runner, app, &names, |_| Settings::default()));
                Ok(String::new())
            }
            "settle" => {
                self.runtime.block_on(self.scheduler.settle())?;
                Ok(String::new())
            }
            "show" => self.show(),
            other => Err(format!("unknown command {other}").into()),
        }
    }
}
