//! Golden scripts for jobs and crons, on a clock that stands still until a script moves it.
//!
//! `schedule PATH [after=MS] [name=NAME]` calls a mutation that schedules; `settle` runs what is due; `jobs`,
//! `crons` and `counter NAME` show; `begin` starts what is due without waiting for it and `await NAME VALUE` waits
//! for a counter; `crash` drops the scheduler
//! with whatever runs; `cancel JOB`, `advance MS` and `deploy [cron=SECONDS]` do what they say.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fusion_schema::table::{ScheduledFunction, ScheduledState};
use fusion_schema::{Id, Object, Schema, Table, Typed, Value, object};
use goldenscript::{Command, Context};

use super::Scheduler;
use crate::database::ComponentId;
use crate::database::Expression;
use crate::function::testing::{ManualClock, call, runner, value};
use crate::function::{ActionCtx, Application, FunctionRunner, MutationCtx, QueryCtx, Schedule, Visibility};
use crate::system::all;
use crate::{Error, Result};

test_each_file::test_each_path! { in "./runtime/src/scheduler/scripts" => script }

fn script(path: &Path) {
    goldenscript::run(&mut Script::new(), path).expect("golden script");
}

#[derive(Clone, Debug, Table)]
#[table(name = "counters")]
struct Counter {
    name: String,
    value: f64,
}

#[derive(Typed)]
struct Named {
    name: String,
}

#[derive(Typed)]
struct OfJob {
    id: Id<ScheduledFunction>,
}

#[derive(Typed)]
struct Plan {
    path: String,
    after: f64,
    name: String,
}

fn bump(ctx: &mut MutationCtx<'_>, args: Named) -> Result<f64> {
    let by_name = Expression::field("name").eq(Expression::literal(args.name.as_str()));
    match ctx.db().query::<Counter>().filter(by_name).first()? {
        Some(mut counter) => {
            counter.value += 1.0;
            let value = counter.value;
            ctx.db().save(counter)?;
            Ok(value)
        }
        None => {
            ctx.db().insert(Counter { name: args.name, value: 1.0 })?;
            Ok(1.0)
        }
    }
}

fn read(ctx: &mut QueryCtx<'_>, args: Named) -> Result<f64> {
    let by_name = Expression::field("name").eq(Expression::literal(args.name));
    Ok(ctx.db().query::<Counter>().filter(by_name).first()?.map_or(0.0, |counter| counter.value))
}

fn schedule(ctx: &mut MutationCtx<'_>, args: Plan) -> Result<Id<ScheduledFunction>> {
    ctx.scheduler().run_after(args.after, &args.path, object! { "name" => args.name })
}

fn schedule_then_fail(ctx: &mut MutationCtx<'_>, args: Named) -> Result<()> {
    ctx.scheduler().run_after(0.0, "m:bump", args)?;
    Err(Error::function("never mind"))
}

/// The job that runs, which only it can see running.
fn own_job(ctx: &mut MutationCtx<'_>) -> Result<Option<Id<ScheduledFunction>>> {
    let jobs = ctx.db().system().query::<ScheduledFunction>().collect()?;
    Ok(jobs.into_iter().find(|job| job.state == ScheduledState::InProgress).map(|job| job.id))
}

fn cancel_self(ctx: &mut MutationCtx<'_>, args: Named) -> Result<()> {
    bump(ctx, args)?;
    match own_job(ctx)? {
        Some(job) => ctx.scheduler().cancel(job),
        None => Err(Error::function("the job does not see itself")),
    }
}

fn app(flaky: Arc<AtomicBool>, interval: Option<(&str, u64)>) -> Application {
    let mut app = Application::new("test").schema(Schema::new(vec![Counter::definition()]));
    app.module("m", Visibility::Internal, (), |module| {
        module
            .query("read", read)
            .query("isCanceled", |ctx: &mut QueryCtx<'_>, args: OfJob| {
                Ok(ctx.db().system().get(args.id)?.is_none_or(|job| job.state == ScheduledState::Canceled))
            })
            .mutation("bump", bump)
            .mutation("schedule", schedule)
            .mutation("scheduleThenFail", schedule_then_fail)
            .mutation("cancelSelf", cancel_self)
            .mutation("fail", |ctx: &mut MutationCtx<'_>, args: Named| -> Result<()> {
                bump(ctx, args)?;
                Err(Error::function("no"))
            })
            .mutation("panics", |_: &mut MutationCtx<'_>, _: Named| -> Result<()> {
                panic!("expected by the test")
            })
            .mutation("chain", |ctx: &mut MutationCtx<'_>, args: Named| {
                bump(ctx, Named { name: args.name.clone() })?;
                ctx.scheduler().run_after(1_000.0, "m:bump", args)
            })
            .mutation("flaky", move |ctx: &mut MutationCtx<'_>, args: Named| {
                bump(ctx, args)?;
                if flaky.load(Ordering::SeqCst) { Err(Error::internal("the system failed")) } else { Ok(()) }
            });
    });
    app.module("a", Visibility::Internal, (), |module| {
        module
            .action("bump", |ctx: ActionCtx<()>, args: Named| async move {
                ctx.run_mutation::<f64>("m:bump", args).await
            })
            .action("fail", |_: ActionCtx<()>, _: Named| async move { Err::<(), _>(Error::function("no")) })
            .action("hang", |ctx: ActionCtx<()>, args: Named| async move {
                ctx.run_mutation::<f64>("m:bump", args).await?;
                std::future::pending::<Result<()>>().await
            })
            .action("scheduleWhenCanceled", |ctx: ActionCtx<()>, args: Named| async move {
                // The script cancels the job while this waits for it.
                let job = ctx.core().job().ok_or_else(|| Error::function("no job"))?;
                while !ctx.run_query::<bool>("m:isCanceled", object! { "id" => job.id }).await? {
                    tokio::task::yield_now().await;
                }
                ctx.scheduler().run_after(0.0, "m:bump", args).await
            });
    });
    if let Some((path, seconds)) = interval {
        app.cron("every", Schedule::seconds(seconds), path, object! { "name" => "cron" });
    }
    app
}

struct Script {
    runtime: tokio::runtime::Runtime,
    clock: Arc<ManualClock>,
    runner: Arc<FunctionRunner>,
    scheduler: Scheduler,
    flaky: Arc<AtomicBool>,
    /// The scripts' names for jobs.
    names: HashMap<String, Id<ScheduledFunction>>,
}

impl Script {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _inside = runtime.enter();
        let clock = ManualClock::at_ms(1_767_225_600_000);
        let flaky = Arc::new(AtomicBool::new(false));
        let runner = runner(app(flaky.clone(), None), clock.clone());
        let scheduler = Scheduler::new(runner.clone());
        drop(_inside);
        Self { runtime, clock, runner, scheduler, flaky, names: HashMap::new() }
    }

    fn call(&self, path: &str, args: Object) -> Result<Value, String> {
        let mut call = call(path, args);
        call.identity = crate::auth::Identity::System;
        value(&self.runtime.block_on(self.runner.any(call)))
    }

    fn now_ms(&self) -> f64 {
        self.runner.deployment().clock().unix_ms()
    }

    fn jobs(&self) -> Result<String, Box<dyn StdError>> {
        let mut tx = self.runner.deployment().database.begin_query();
        let mut text = String::new();
        for row in all(&mut tx, "_scheduled_functions")? {
            let job = crate::system::jobs::Job::decode(row.to_value())?;
            let name = self.names.iter().find(|(_, id)| **id == job.id).map_or("?", |(name, _)| name);
            let due = job.scheduled_time - self.now_ms();
            write!(text, "{name} {} due {due:+} {:?}", job.name, job.state)?;
            writeln!(text, "{}", if job.completed_time.is_some() { " ended" } else { "" })?;
        }
        Ok(sorted(&text))
    }

    fn crons(&self) -> Result<String, Box<dyn StdError>> {
        let mut tx = self.runner.deployment().database.begin_query();
        let (mut text, mut logs) = (String::new(), Vec::new());
        let seconds = |value: Option<&Value>| match value {
            Some(Value::Int64(ns)) => format!("{:+}s", (*ns as f64 - self.now_ms() * 1e6) / 1e9),
            _ => "never".to_owned(),
        };
        for row in all(&mut tx, "_cron_next_run")? {
            let fields = row.fields();
            let state = fields.get_path("state.type").and_then(Value::as_str).unwrap_or_default();
            writeln!(
                text,
                "next {} {state}, before {}",
                seconds(fields.get("nextTs")),
                seconds(fields.get("prevTs"))
            )?;
        }
        for row in all(&mut tx, "_cron_job_logs")? {
            let fields = row.fields();
            let status = fields.get("status").map(fusion_schema::json::encode).unwrap_or_default();
            logs.push((fields.get("ts").cloned(), format!("log {} {status}", seconds(fields.get("ts")))));
        }
        logs.sort();
        logs.into_iter().try_for_each(|(_, log)| writeln!(text, "{log}"))?;
        Ok(text)
    }

    /// Polls the scheduler's dispatch, then waits until the outside sees `jobs` rows in progress.
    fn begin(&mut self) -> Result<(), Box<dyn StdError>> {
        let _inside = self.runtime.enter();
        self.runtime.block_on(self.scheduler.dispatch())?;
        for _ in 0..1_000 {
            let mut tx = self.runner.deployment().database.begin_query();
            let crons = all(&mut tx, "_cron_next_run")?;
            let begun = crons
                .iter()
                .any(|row| row.fields().get_path("state.type").and_then(Value::as_str) == Some("inProgress"));
            if begun || !crate::system::jobs::Jobs::new(&mut tx).in_progress(1)?.is_empty() {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Err("nothing has begun".into())
    }

    fn execute(&mut self, command: &Command) -> Result<String, Box<dyn StdError>> {
        let mut args = command.consume_args();
        match command.name.as_str() {
            "schedule" => {
                let path = args.next_pos().ok_or("which function?")?;
                let after: f64 = args.take_key("after").unwrap_or("0").parse()?;
                let name = args.take_key("name").unwrap_or("a");
                let job = args.take_key("as").map(str::to_owned);
                let plan = object! { "after" => after, "name" => name, "path" => path };
                let id = self.call("m:schedule", plan)?;
                let job = job.unwrap_or_else(|| format!("j{}", self.names.len() + 1));
                self.names.insert(job.clone(), Id::decode(id)?);
                Ok(job)
            }
            "call" => {
                let path = args.next_pos().ok_or("which function?")?;
                let name = args.take_key("name").unwrap_or("a");
                Ok(fusion_schema::json::encode(&self.call(path, object! { "name" => name })?))
            }
            "cancel" => {
                let id = *self.names.get(args.next_pos().ok_or("which job?")?).ok_or("no such job")?;
                self.runtime.block_on(self.runner.cancel_job(ComponentId::ROOT, id.document_id()))?;
                Ok(String::new())
            }
            "advance" => {
                self.clock.advance_ms(args.next_pos().ok_or("how long?")?.parse()?);
                Ok(String::new())
            }
            "settle" => {
                self.runtime.block_on(self.scheduler.settle())?;
                Ok(String::new())
            }
            "begin" => self.begin().map(|()| String::new()),
            "await" => {
                let name = args.next_pos().ok_or("which counter?")?;
                let wanted = args.next_pos().ok_or("which value?")?;
                for _ in 0..1_000 {
                    let found = self.call("m:read", object! { "name" => name })?;
                    if fusion_schema::json::encode(&found) == wanted {
                        return Ok(String::new());
                    }
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                Err(format!("{name} never became {wanted}").into())
            }
            "pause" => {
                self.runtime.block_on(self.runner.pause())?;
                Ok(String::new())
            }
            "unpause" => {
                self.runtime.block_on(self.runner.unpause())?;
                Ok(String::new())
            }
            "crash" => {
                let _inside = self.runtime.enter();
                self.scheduler = Scheduler::new(self.runner.clone());
                Ok(String::new())
            }
            "flaky" => {
                self.flaky.store(args.next_pos() == Some("on"), Ordering::SeqCst);
                Ok(String::new())
            }
            "deploy" => {
                let seconds = args.take_key("every").map(str::parse::<u64>).transpose()?;
                let path = args.take_key("cron").unwrap_or("m:bump");
                let app = app(self.flaky.clone(), seconds.map(|seconds| (path, seconds)));
                self.runner.set_registry(app.build()?)?;
                Ok(String::new())
            }
            "jobs" => self.jobs(),
            "crons" => self.crons(),
            "counter" => {
                let name = args.next_pos().ok_or("which counter?")?;
                Ok(fusion_schema::json::encode(&self.call("m:read", object! { "name" => name })?))
            }
            other => Err(format!("unknown command {other}").into()),
        }
    }
}

/// Rows made at one moment of the standing clock have no order of their own.
fn sorted(lines: &str) -> String {
    let mut lines: Vec<_> = lines.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

impl goldenscript::Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn StdError>> {
        self.execute(command)
    }
}
