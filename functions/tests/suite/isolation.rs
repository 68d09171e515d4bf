//! Two organisations with two visitors each do everything there is, in any order, with whatever ids they can get hold of:
//! nobody ever reads what is not theirs.
//!
//! Everything that is somebody's carries a mark: what a visitor types and what an organisation's operators write, store
//! or upload. No answer and no error may show a mark that is not for the caller. What is public by design (greetings,
//! suggestions, public keys, the list of users) carries none.

use std::collections::BTreeSet;

use fusion_runtime::function::{FunctionKind, Visibility};
use fusion_schema::{Object, Value, json, object};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::harness::*;
use crate::secrets::{connect, run_jobs};

const ORGANIZATIONS: [&str; 2] = ["org_north", "org_south"];

/// A visitor or an operator.
#[derive(Clone, Copy, Debug)]
enum Actor {
    Visitor(usize),
    Operator(usize),
}

/// The organisation of a visitor: the first two are of the first one.
const fn organization_of(visitor: usize) -> usize {
    visitor / 2
}

/// One call: by whom, of which function, and what its arguments are made of.
#[derive(Clone, Debug)]
struct Step {
    actor: Actor,
    function: usize,
    conversation: usize,
    choice: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let actor = prop_oneof![(0..4_usize).prop_map(Actor::Visitor), (0..2_usize).prop_map(Actor::Operator)];
    let step = (actor, 0..1_000_usize, 0..100_usize, 0..100_usize)
        .prop_map(|(actor, function, conversation, choice)| Step { actor, function, conversation, choice });
    proptest::collection::vec(step, 150)
}

fn visitor_mark(visitor: usize) -> String {
    format!("visitor{visitor}mark")
}

fn organization_mark(organization: usize) -> String {
    format!("organization{organization}mark")
}

/// The marks the actor must not see.
fn foreign_marks(actor: Actor) -> Vec<String> {
    let (own_organization, own_visitors) = match actor {
        Actor::Visitor(visitor) => (organization_of(visitor), vec![visitor]),
        Actor::Operator(organization) => {
            (organization, (0..4).filter(|visitor| organization_of(*visitor) == organization).collect())
        }
    };
    let visitors = (0..4).filter(|visitor| !own_visitors.contains(visitor)).map(visitor_mark);
    visitors.chain([organization_mark(1 - own_organization)]).chain(["privatekeymark".to_owned()]).collect()
}

struct World {
    chat: Chat,
    sessions: Vec<String>,
    /// Everybody's, so that everybody can try everybody's.
    talks: Vec<Talk>,
    entries: Vec<String>,
    jobs: BTreeSet<String>,
}

impl World {
    fn new() -> Self {
        let chat = Chat::new();
        let mut world = Self {
            chat,
            sessions: Vec::new(),
            talks: Vec::new(),
            entries: Vec::new(),
            jobs: BTreeSet::new(),
        };
        for visitor in 0..4 {
            let mark = visitor_mark(visitor);
            let args = object! {
                "name" => format!("Name {mark}"), "email" => format!("{mark}@example.org"),
                "organizationId" => ORGANIZATIONS[organization_of(visitor)],
                "metadata" => object! { "currentUrl" => format!("https://example.org/{mark}") },
            };
            let session = world.chat.text(As::Visitor, "public/contactSessions:create", args);
            world.sessions.push(session);
            world.talk(visitor);
        }
        for (number, organization) in ORGANIZATIONS.into_iter().enumerate() {
            let mark = organization_mark(number);
            let keys = object! { "publicApiKey" => "public", "privateApiKey" => format!("demo-privatekeymark-{mark}") };
            world.chat.ok(As::Operator(organization), "private/secrets:upsert", connect(keys));
        }
        run_jobs(&world.chat, &mut world.jobs);
        world
    }

    fn talk(&mut self, visitor: usize) {
        let session = self.sessions[visitor].clone();
        let conversation = self.chat.conversation(ORGANIZATIONS[organization_of(visitor)], &session);
        let thread = self.chat.thread(&session, &conversation);
        self.talks.push(Talk { session, conversation, thread });
    }

    /// Arguments of a function for somebody who puts their own marks in and tries any id. `None` for functions that
    /// are called elsewhere.
    fn args(&self, path: &str, step: &Step) -> Option<Object> {
        let talk = &self.talks[step.conversation % self.talks.len()];
        let (thread, conversation) = (talk.thread.as_str(), talk.conversation.as_str());
        // A session is a key: whoever has one is its visitor. So visitors use their own.
        let session = match step.actor {
            Actor::Visitor(visitor) => self.sessions[visitor].as_str(),
            Actor::Operator(_) => "none",
        };
        let mark = match step.actor {
            Actor::Visitor(visitor) => visitor_mark(visitor),
            Actor::Operator(organization) => organization_mark(organization),
        };
        let organization = ORGANIZATIONS[step.choice % 2];
        let prompts = ["What does it cost", "I want a human", "Thanks", "hello"];
        let said = format!("{} {mark}", prompts[step.choice % prompts.len()]);
        let statuses = ["unresolved", "escalated", "resolved"];
        let status = statuses[step.choice % statuses.len()];
        let options = || first([1.0, 3.0, 50.0][step.choice % 3]);
        Some(match path {
            "public/contactSessions:create" => return None,
            "public/contactSessions:validate" => object! { "contactSessionId" => session },
            "public/conversations:create" => {
                object! { "organizationId" => organization, "contactSessionId" => session }
            }
            "public/conversations:getMany" => {
                object! { "contactSessionId" => session, "paginationOpts" => options() }
            }
            "public/conversations:getOne" => {
                object! { "conversationId" => conversation, "contactSessionId" => session }
            }
            "public/messages:create" => {
                object! { "prompt" => said, "threadId" => thread, "contactSessionId" => session }
            }
            "public/messages:getMany" => {
                object! { "threadId" => thread, "contactSessionId" => session, "paginationOpts" => options() }
            }
            "public/organizations:validate"
            | "public/secrets:getVapiSecrets"
            | "public/widgetSettings:getByOrganizationId" => object! { "organizationId" => organization },
            "users:getMany"
            | "public/signIn:config"
            | "private/widgetSettings:getOne"
            | "private/retention:getOne" => object! {},
            "private/vapi:getAssistants" | "private/vapi:getPhoneNumbers" => object! {},
            "users:add" => object! { "name" => "Somebody" },
            "private/contactSessions:getOneByConversationId" | "private/conversations:getOne" => {
                object! { "conversationId" => conversation }
            }
            "private/conversations:getMany" if step.choice.is_multiple_of(2) => {
                object! { "paginationOpts" => options() }
            }
            "private/conversations:getMany" => object! { "paginationOpts" => options(), "status" => status },
            "private/conversations:updateStatus" => {
                object! { "conversationId" => conversation, "status" => status }
            }
            "private/messages:create" if step.choice.is_multiple_of(2) => {
                object! { "prompt" => said, "conversationId" => conversation }
            }
            "private/messages:create" => object! { "message" => said, "threadId" => thread },
            "private/messages:enhanceResponse" if step.choice.is_multiple_of(2) => {
                object! { "prompt" => said }
            }
            "private/messages:enhanceResponse" => object! { "message" => said, "threadId" => thread },
            "private/messages:getMany" => object! { "threadId" => thread, "paginationOpts" => options() },
            "private/plugins:getOne" | "private/plugins:remove" | "private/secrets:remove" => {
                object! { "service" => "vapi" }
            }
            "private/secrets:upsert" if step.choice.is_multiple_of(2) => {
                object! { "service" => "vapi", "secretName" => format!("tenant/{organization}/vapi") }
            }
            "private/secrets:upsert" => connect(object! {
                "publicApiKey" => "public", "privateApiKey" => format!("demo-privatekeymark-{mark}"),
            }),
            "private/retention:upsert" => object! { "conversationDays" => 30.0 },
            "private/widgetSettings:upsert" => object! {
                "greetMessage" => "Hi", "defaultSuggestions" => object! {}, "vapiSettings" => object! {},
            },
            "private/files:addFile" => object! {
                "filename" => format!("{mark}.txt"), "mimeType" => "text/plain",
                "bytes" => Value::Bytes(format!("What does it cost? It costs {mark}. A human says hello.").into_bytes()),
            },
            "private/files:list" => object! { "paginationOpts" => options() },
            "private/files:deleteFile" => {
                let entry = self.entries.get(step.choice % self.entries.len().max(1))?;
                object! { "entryId" => entry.as_str() }
            }
            other => panic!("{other} is not covered: say with which arguments it is to be called"),
        })
    }

    fn run(&mut self, step: &Step, functions: &[(String, FunctionKind)]) -> Result<(), TestCaseError> {
        let (path, _) = &functions[step.function % functions.len()];
        let Some(args) = self.args(path, step) else { return Ok(()) };
        let who = match step.actor {
            Actor::Visitor(_) => As::Visitor,
            Actor::Operator(organization) => As::Operator(ORGANIZATIONS[organization]),
        };
        let answer = match self.chat.call(who, path, args.clone()) {
            Ok(value) => {
                if path == "private/files:addFile" {
                    let entry = value.as_object().and_then(|result| result.get("entryId")?.as_str());
                    self.entries.extend(entry.map(str::to_owned));
                }
                if path == "public/conversations:create"
                    && let Actor::Visitor(visitor) = step.actor
                    && let Some(conversation) = value.as_str()
                {
                    let session = self.sessions[visitor].clone();
                    let thread = self.chat.thread(&session, conversation);
                    self.talks.push(Talk { session, conversation: conversation.to_owned(), thread });
                }
                json::encode(&value)
            }
            Err(error) => format!("{} {:?}", error.message, error.data),
        };
        for mark in foreign_marks(step.actor) {
            prop_assert!(
                !answer.contains(&mark),
                "{:?} called {path} with {args:?} and got what is {mark}'s: {answer}",
                step.actor
            );
        }
        run_jobs(&self.chat, &mut self.jobs);
        self.chat.advance(20_000);
        Ok(())
    }
}

/// Every function that clients can call.
fn functions() -> Vec<(String, FunctionKind)> {
    let registry = fusion_functions::application(Default::default()).build().unwrap();
    let public =
        registry.iter().filter(|entry| !entry.path.is_system() && entry.visibility == Visibility::Public);
    let mut functions: Vec<_> = public.map(|entry| (entry.path.to_string(), entry.kind())).collect();
    functions.sort_by(|a, b| a.0.cmp(&b.0));
    functions
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_ever_reads_what_is_not_theirs(steps in steps()) {
        let functions = functions();
        let mut world = World::new();
        for step in &steps {
            world.run(step, &functions)?;
        }
        // Everybody sees their own, so that the marks are where they are looked for.
        for visitor in 0..4 {
            let args = object! { "contactSessionId" => world.sessions[visitor].as_str() };
            let own = world.chat.ok(As::Visitor, "public/contactSessions:validate", args);
            prop_assert!(json::encode(&own).contains(&visitor_mark(visitor)));
        }
    }
}

#[test]
fn every_function_is_covered() {
    let world = World::new();
    for (path, _) in functions() {
        let step = Step { actor: Actor::Operator(0), function: 0, conversation: 0, choice: 0 };
        let _ = world.args(&path, &step);
    }
}
