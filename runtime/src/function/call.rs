//! [`FunctionCall`]: one request to run a function, and the words for its parts.

use std::fmt;
use std::sync::Arc;

use fusion_schema::Object;

use super::origin::Origin;
use super::outcome::{ExecutionId, RequestId};
use super::path::FunctionPath;
use crate::auth::Identity;
use crate::system::jobs::JobRef;

/// What a function may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FunctionKind {
    /// Reads the database; live.
    Query,
    /// Reads and writes the database in one transaction.
    Mutation,
    /// Talks to the outside and calls queries and mutations.
    Action,
    /// An action that answers an HTTP request.
    HttpAction,
}

impl FunctionKind {
    /// The kind as error texts, logs and function specs spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Mutation => "Mutation",
            Self::Action => "Action",
            Self::HttpAction => "HttpAction",
        }
    }
}

impl fmt::Display for FunctionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who may call a function from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Anybody.
    Public,
    /// Other functions, and administrators.
    Internal,
}

impl Visibility {
    /// The visibility as function specs spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
        }
    }
}

/// What caused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A client's WebSocket session.
    SyncWorker,
    /// A request to the HTTP API.
    HttpApi,
    /// A request to an HTTP action.
    HttpEndpoint,
    /// A due job.
    Scheduler(JobRef),
    /// A due cron.
    Cron,
    /// An action that called another function; the job it runs for, if any.
    Action(Option<JobRef>),
    /// The dashboard or the command line trying a function.
    Tester,
}

impl Caller {
    /// The caller as function logs spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SyncWorker => "SyncWorker",
            Self::HttpApi => "HttpApi",
            Self::HttpEndpoint => "HttpEndpoint",
            Self::Scheduler(_) => "Scheduler",
            Self::Cron => "Cron",
            Self::Action(_) => "Action",
            Self::Tester => "Tester",
        }
    }

    /// The job this call is made for, directly or through an action.
    pub const fn job(self) -> Option<JobRef> {
        match self {
            Self::Scheduler(id) | Self::Action(Some(id)) => Some(id),
            _ => None,
        }
    }

    /// Whether the caller is part of the deployment and so may call internal functions.
    pub const fn is_inside(self) -> bool {
        matches!(self, Self::Scheduler(_) | Self::Cron | Self::Action(_))
    }
}

/// One request to run a function.
#[derive(Clone, Debug)]
pub struct FunctionCall {
    /// Which function.
    pub path: FunctionPath,
    /// Its arguments.
    pub args: Object,
    /// On whose behalf.
    pub identity: Identity,
    /// What caused it.
    pub caller: Caller,
    /// What ties its errors to the log.
    pub request_id: RequestId,
    /// The run of the action that made it.
    pub parent: Option<ExecutionId>,
    /// The request that caused it, itself or through an action; what is scheduled has none.
    pub origin: Option<Arc<Origin>>,
}

impl FunctionCall {
    /// A call with a new request id.
    pub fn new(path: FunctionPath, args: Object, identity: Identity, caller: Caller) -> Self {
        let request_id = RequestId::new();
        Self { path, args, identity, caller, request_id, parent: None, origin: None }
    }

    /// The call as one that a request caused.
    #[must_use]
    pub fn caused_by(self, origin: Arc<Origin>) -> Self {
        Self { origin: Some(origin), ..self }
    }
}
