//! [`Chat`]: a deployment of Fusion Chat in memory, with a clock that stands still until it is moved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use std::time::Duration;

use fusion_functions::application;
use fusion_functions::services::Services;
use fusion_runtime::auth::{Identity, UserIdentity};
use fusion_runtime::clock::Clock;
use fusion_runtime::database::{Database, DatabaseOptions, Transaction};
use fusion_runtime::function::alarm::Alarm;
use fusion_runtime::function::{
    Application, Caller, Deployment, FunctionCall, FunctionKind, FunctionPath, FunctionRunner, Outcome,
    UdfError,
};
use fusion_runtime::scheduler::Scheduler;
use fusion_runtime::system::blobs::Blobs;
use fusion_runtime::system::environment::{Environment, EnvironmentChange};
use fusion_runtime::system::file_storage::FileStorage;
use fusion_runtime::system::files::Files;
use fusion_schema::{Object, Value, object};
use serde_json::json;

/// Milliseconds since the epoch at which every test begins; the start of a window of every rate limit.
pub(crate) const START_MS: u64 = 1_700_000_100_000;
pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const HOUR_MS: u64 = 60 * MINUTE_MS;

struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn unix_ns(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum As {
    /// A visitor.
    Visitor,
    /// An operator of this organisation.
    Operator(&'static str),
    /// Somebody who is logged in without an organisation.
    Stranger,
    /// The holder of the admin key.
    Admin,
}

impl As {
    fn identity(self) -> Identity {
        let user = |organization: Option<&str>| {
            let mut claims = json!({
                "tokenIdentifier": "https://issuer.test|user", "issuer": "https://issuer.test", "subject": "user",
                "familyName": "Lovelace",
            });
            if let Some(organization) = organization {
                claims["orgId"] = json!(organization);
            }
            Identity::User(Arc::new(UserIdentity::from_impersonation_json(&claims).unwrap()))
        };
        match self {
            Self::Visitor => Identity::Anonymous,
            Self::Operator(organization) => user(Some(organization)),
            Self::Stranger => user(None),
            Self::Admin => Identity::Admin { acting_as: None },
        }
    }
}

/// See the module's documentation.
pub(crate) struct Chat {
    clock: Arc<ManualClock>,
    runner: Arc<FunctionRunner>,
    runtime: tokio::runtime::Runtime,
}

impl Chat {
    pub(crate) fn new() -> Self {
        Self::with_services(Services::default())
    }

    pub(crate) fn with_services(services: Services) -> Self {
        Self::with(application(services))
    }

    fn with(app: Application) -> Self {
        let clock = Arc::new(ManualClock(AtomicU64::new(START_MS * 1_000_000)));
        let registry = app.build().unwrap();
        let database =
            Database::open(DatabaseOptions { clock: clock.clone(), ..DatabaseOptions::in_memory() }).unwrap();
        database.apply_schema(registry.schema()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let deployment = Deployment {
            name: "test".to_owned(),
            files: FileStorage::new(Blobs::in_memory(), database.secrets().clone(), "http://cloud.test"),
            database,
            cloud_origin: "http://cloud.test".to_owned(),
            site_origin: "http://site.test".to_owned(),
            alarm: Alarm::default(),
        };
        let runner = FunctionRunner::new(deployment, registry).unwrap();
        Self { clock, runner, runtime }
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, ms: u64) {
        self.clock.0.fetch_add(ms * 1_000_000, Ordering::Relaxed);
    }

    fn kind(&self, path: &FunctionPath) -> FunctionKind {
        self.runner.registry().get(path).unwrap_or_else(|| panic!("there is no function {path}")).kind()
    }

    /// Calls a function of any kind.
    pub(crate) fn call(&self, who: As, path: &str, args: Object) -> Result<Value, UdfError> {
        self.runtime.block_on(self.call_async(who, path, args))
    }

    /// Calls a function and, while it runs, does something else.
    pub(crate) fn call_beside<T>(
        &self,
        who: As,
        path: &str,
        args: Object,
        beside: impl AsyncFnOnce(&Self) -> T,
    ) -> (Result<Value, UdfError>, T) {
        self.runtime.block_on(async { tokio::join!(self.call_async(who, path, args), beside(self)) })
    }

    /// Waits until there is something.
    pub(crate) async fn until<T>(&self, mut find: impl FnMut() -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = find() {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("nothing came within 30 s")
    }

    /// Runs scheduled functions until there is what is waited for.
    pub(crate) fn work_until<T>(&self, mut find: impl FnMut(&Self) -> Option<T>) -> T {
        self.runtime.block_on(async {
            let scheduler = Scheduler::new(self.runner.clone());
            tokio::select! {
                () = scheduler.run() => panic!("the scheduler ended"),
                found = self.until(|| find(self)) => found,
            }
        })
    }

    /// Calls a function of any kind, inside of [`Chat::call_beside`].
    pub(crate) async fn call_async(&self, who: As, path: &str, args: Object) -> Result<Value, UdfError> {
        // A microsecond, which no function sees, keeps what two calls create in order.
        self.clock.0.fetch_add(1_000, Ordering::Relaxed);
        let path = FunctionPath::parse(path).unwrap();
        let kind = self.kind(&path);
        let call = FunctionCall::new(path, args, who.identity(), Caller::HttpApi);
        let outcome: Outcome = match (who, kind) {
            (As::Admin, _) => self.runner.any(call).await,
            (_, FunctionKind::Query) => self.runner.query(call, None).await,
            (_, FunctionKind::Mutation) => self.runner.mutation(call).await,
            (_, _) => self.runner.action(call).await,
        };
        outcome.result.map(|returned| returned.to_value())
    }

    /// Calls a function that must succeed.
    pub(crate) fn ok(&self, who: As, path: &str, args: Object) -> Value {
        self.call(who, path, args).unwrap_or_else(|error| panic!("{path}: {}", error.message))
    }

    /// Calls a function that must succeed and return an object.
    pub(crate) fn object(&self, who: As, path: &str, args: Object) -> Object {
        match self.ok(who, path, args) {
            Value::Object(object) => object,
            other => panic!("{path} returned {other:?}"),
        }
    }

    /// Calls a function that must succeed and return a string.
    pub(crate) fn text(&self, who: As, path: &str, args: Object) -> String {
        self.ok(who, path, args).as_str().unwrap_or_else(|| panic!("{path} returned no string")).to_owned()
    }

    /// Calls a function that must fail with data: its code and message.
    pub(crate) fn refusal(&self, who: As, path: &str, args: Object) -> (String, String) {
        let error = self.call(who, path, args).expect_err(path);
        let Some(Value::Object(data)) = error.data else {
            panic!("{path} failed without data: {}", error.message)
        };
        assert_eq!(data.len(), 2, "{path}: {data:?}");
        (text(&data, "code").to_owned(), text(&data, "message").to_owned())
    }

    /// Calls a function that must fail: the text of the error.
    pub(crate) fn failure(&self, who: As, path: &str, args: Object) -> String {
        self.call(who, path, args).expect_err(path).message
    }

    /// A session of the organisation.
    pub(crate) fn session(&self, organization: &str) -> String {
        let args =
            object! { "name" => "Ada", "email" => "ada@example.com", "organizationId" => organization };
        self.text(As::Visitor, "public/contactSessions:create", args)
    }

    /// A conversation of the session in the organisation.
    pub(crate) fn conversation(&self, organization: &str, session: &str) -> String {
        let args = object! { "organizationId" => organization, "contactSessionId" => session };
        self.text(As::Visitor, "public/conversations:create", args)
    }

    /// The thread of the session's conversation.
    pub(crate) fn thread(&self, session: &str, conversation: &str) -> String {
        let args = object! { "conversationId" => conversation, "contactSessionId" => session };
        text(&self.object(As::Visitor, "public/conversations:getOne", args), "threadId").to_owned()
    }

    /// A session with a conversation: both, and the thread.
    pub(crate) fn talk(&self, organization: &str) -> Talk {
        let session = self.session(organization);
        let conversation = self.conversation(organization, &session);
        let thread = self.thread(&session, &conversation);
        Talk { session, conversation, thread }
    }

    /// The visitor says something.
    pub(crate) fn say(&self, talk: &Talk, prompt: &str) {
        let result = self.ok(As::Visitor, "public/messages:create", talk.message(prompt));
        assert!(result.is_null());
    }

    /// The conversation's status as the visitor sees it.
    pub(crate) fn status(&self, talk: &Talk) -> String {
        let args = object! {
            "conversationId" => talk.conversation.as_str(), "contactSessionId" => talk.session.as_str(),
        };
        text(&self.object(As::Visitor, "public/conversations:getOne", args), "status").to_owned()
    }

    /// All messages of the thread, oldest first.
    pub(crate) fn messages(&self, talk: &Talk) -> Vec<Object> {
        let args = object! {
            "threadId" => talk.thread.as_str(), "contactSessionId" => talk.session.as_str(),
            "paginationOpts" => first(100.0),
        };
        let mut page = page(self.ok(As::Visitor, "public/messages:getMany", args));
        page.reverse();
        page
    }

    /// All messages of the thread, oldest first, inside of [`Chat::call_beside`].
    pub(crate) fn messages_beside(&self, talk: &Talk) -> Vec<Object> {
        let mut rows = self.rows("agentMessages");
        rows.retain(|row| text(row, "threadId") == talk.thread);
        let place = |row: &Object| (number(row, "order"), number(row, "stepOrder"));
        rows.sort_by(|a, b| place(a).partial_cmp(&place(b)).unwrap());
        rows
    }

    /// Sets an environment variable of the deployment.
    pub(crate) fn set_env(&self, name: &str, value: &str) {
        let secrets = self.runner.deployment().secrets().clone();
        let change = EnvironmentChange { name: name.to_owned(), value: Some(value.to_owned()) };
        self.commit(|tx| Environment::new(tx, &secrets).apply(&[change]).unwrap());
    }

    /// What the application has counted: by the counter's name and its label's value.
    pub(crate) fn counters(&self) -> BTreeMap<(String, String), u64> {
        let mut found = BTreeMap::new();
        for (counter, parts) in self.runner.metrics().app().all() {
            found.extend(parts.into_iter().map(|part| ((counter.name.to_owned(), part.value), part.count)));
        }
        found
    }

    /// Stores a file that may belong to a message or an export: its id.
    pub(crate) fn store_file(&self, uuid: &str, content_type: &str) -> String {
        let mut id = String::new();
        self.commit(|tx| {
            id = Files::new(tx).insert(uuid, "digest", 1, Some(content_type)).unwrap().to_string();
        });
        id
    }

    /// The content of a stored file by the UUID in its URL.
    pub(crate) fn file(&self, uuid: &str) -> Vec<u8> {
        self.runtime.block_on(self.runner.deployment().files.read(uuid)).unwrap().to_vec()
    }

    /// The function log so far, as the command line is sent it.
    pub(crate) fn logs(&self) -> Vec<String> {
        let (entries, _) = self.runner.log().since(0.0);
        entries.iter().map(|entry| entry.to_json(false).to_string().replace("\\\"", "\"")).collect()
    }

    /// Deletes a document behind the functions' back.
    pub(crate) fn delete(&self, id: &str) {
        self.commit(|tx| drop(tx.delete(fusion_schema::DocumentId::decode(id).unwrap()).unwrap()));
    }

    /// Inserts documents behind the functions' back.
    pub(crate) fn insert(&self, table: &str, documents: impl IntoIterator<Item = Object>) {
        self.commit(|tx| {
            for document in documents {
                tx.insert(table, document).unwrap();
            }
        });
    }

    fn commit(&self, work: impl FnOnce(&mut Transaction)) {
        let database = &self.runner.deployment().database;
        let mut tx = database.begin_mutation();
        work(&mut tx);
        let committed = database.commit(tx, Default::default()).unwrap();
        database.wait_durable(committed.ts).unwrap();
    }

    /// The rows of a table, by an administrator's query.
    pub(crate) fn rows(&self, table: &str) -> Vec<Object> {
        use fusion_runtime::database::query::{Order, Query, QuerySource};
        let mut tx = self.runner.deployment().database.begin_query();
        let source = QuerySource::FullTableScan { table: table.to_owned(), order: Order::Asc };
        let mut stream = tx.query(&Query { source, operators: vec![] }).unwrap();
        let mut rows = Vec::new();
        while let Some(document) = stream.next(&mut tx).unwrap() {
            rows.push(document.to_value().as_object().unwrap().clone());
        }
        rows
    }
}

/// A session with a conversation.
pub(crate) struct Talk {
    pub(crate) session: String,
    pub(crate) conversation: String,
    pub(crate) thread: String,
}

impl Talk {
    /// The arguments to say something.
    pub(crate) fn message(&self, prompt: &str) -> Object {
        object! {
            "prompt" => prompt, "threadId" => self.thread.as_str(), "contactSessionId" => self.session.as_str(),
        }
    }
}

/// `paginationOpts` for the first page.
pub(crate) fn first(count: f64) -> Object {
    object! { "numItems" => count, "cursor" => () }
}

/// `paginationOpts` for the page after a cursor.
pub(crate) fn after(cursor: &str, count: f64) -> Object {
    object! { "numItems" => count, "cursor" => cursor }
}

/// The documents of a page.
pub(crate) fn page(result: Value) -> Vec<Object> {
    let Value::Object(result) = result else { panic!("no page: {result:?}") };
    let documents = result.get("page").and_then(Value::as_array).unwrap();
    documents.iter().map(|document| document.as_object().unwrap().clone()).collect()
}

/// A field that must be a string.
pub(crate) fn text<'a>(object: &'a Object, path: &str) -> &'a str {
    object
        .get_path(path)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{path} is no string in {object:?}"))
}

/// A field that must be a number.
pub(crate) fn number(object: &Object, path: &str) -> f64 {
    object
        .get_path(path)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("{path} is no number in {object:?}"))
}

/// An error's code and message, to compare with [`Chat::refusal`].
pub(crate) fn refused(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

/// An id of the table of `id` that leads nowhere.
pub(crate) fn missing(id: &str) -> String {
    let mut id = fusion_schema::DocumentId::decode(id).unwrap();
    id.internal = [0; 16];
    id.to_string()
}
