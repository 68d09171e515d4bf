//! [`Limits`]: every limit of the engine by name, with its default and the environment name of the original
//! server where it has one. `cli` reads the environment; everything else is handed an `Arc<Limits>`.

use std::time::Duration;

/// Most index ranges one transaction may read (`db.get` and `db.query` each count once).
pub const INDEX_RANGES_READ_MAX: usize = 4096;
/// Deepest nesting of `runQuery`/`runMutation` inside one transaction.
pub const NESTED_CALLS_MAX: usize = 8;
/// Most operators of one query.
pub const QUERY_OPERATORS_MAX: usize = 256;
/// Most words of a full-text search; further ones are not looked for.
pub const SEARCH_TERMS_MAX: usize = 16;
/// Most filters of a full-text search.
pub const SEARCH_FILTERS_MAX: usize = 8;
/// Most results of a full-text search that one query looks at.
pub const SEARCH_RESULTS_MAX: usize = 1024;
/// Most transactions waiting for the store before writers have to wait themselves.
pub const PENDING_COMMITS_MAX: usize = 65_536;
/// Most bytes of documents waiting for the store before writers have to wait themselves.
pub const PENDING_BYTES_MAX: usize = 256 << 20;
/// How many commits the conflict log remembers beyond what running transactions need.
pub const COMMIT_LOG_ENTRIES_MAX: usize = 200_000;
/// How many index keys the commits in the conflict log may have touched.
pub const COMMIT_LOG_KEYS_MAX: usize = 600_000;
/// How long a thread may hold the head lease before others go on without it.
pub const HEAD_LEASE_MAX: Duration = Duration::from_secs(20);
/// How long a handed-out snapshot (`query_ts`) stays readable.
pub const PINNED_SNAPSHOT_AGE_MAX: Duration = Duration::from_secs(60);
/// How many handed-out snapshots stay readable at once.
pub const PINNED_SNAPSHOTS_MAX: usize = 64;

/// Calls waiting for a thread of one kind.
pub const FUNCTION_QUEUE_LENGTH_MAX: usize = 10_000;
/// How long a call may wait for a thread.
pub const FUNCTION_QUEUE_WAIT_MAX: Duration = Duration::from_secs(5);
/// Mutations of one client session that wait for their turn.
pub const SESSION_MUTATIONS_MAX: usize = 1_000;
/// Calls to the server that one JavaScript action has under way at once; more wait.
pub const ACTION_CALLS_MAX: usize = 8;
/// Executions a log stream can look back on.
pub const EXECUTION_LOG_ENTRIES_MAX: usize = 1_000;
/// Lines one execution may print.
pub const LOG_LINES_MAX: usize = 256;
/// Longest printed line, in bytes.
pub const LOG_LINE_LENGTH_MAX: usize = 32_768;
/// Keys (`CryptoKey`s) one call of a JavaScript function may make.
pub const CRYPTO_KEYS_MAX: usize = 10_000;
/// Slow pieces of cryptography (key generation, stretched passwords) that run at once in the whole process.
pub const CRYPTO_JOBS_MAX: usize = 4;
/// Largest RSA key that a script may generate, in bits.
pub const RSA_GENERATED_BITS_MAX: u32 = 4096;
/// Largest RSA key that a script may import, in bits.
pub const RSA_IMPORTED_BITS_MAX: usize = 8192;
/// Files one mutation may store.
pub const FILES_WRITTEN_MAX: usize = 1_000;
/// Bytes of files one mutation may store: an isolate holds no more at once.
pub const FILE_BYTES_WRITTEN_MAX: usize = 64 << 20;
/// Files one mutation may read.
pub const FILES_READ_MAX: usize = 1_000;
/// Bytes of files one mutation may read.
pub const FILE_BYTES_READ_MAX: usize = 64 << 20;
/// Rounds of PBKDF2 (iterations times blocks of output) in an action.
pub const PBKDF2_ROUNDS_MAX: u64 = 50_000_000;
/// Rounds of PBKDF2 in a query or mutation, where nothing else happens meanwhile.
pub const PBKDF2_TRANSACTION_ROUNDS_MAX: u64 = 1_000_000;

/// What can be set from outside.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Documents one transaction may read (`TRANSACTION_MAX_READ_SIZE_ROWS`, `CONVEX_MAX_QUERY_SIZE`).
    pub documents_read_max: usize,
    /// Bytes of documents one transaction may read (`TRANSACTION_MAX_READ_SIZE_BYTES`).
    pub bytes_read_max: usize,
    /// Index ranges one transaction may read (`TRANSACTION_MAX_READ_SET_INTERVALS`).
    pub index_ranges_read_max: usize,
    /// Documents one transaction may write (`TRANSACTION_MAX_NUM_USER_WRITES`).
    pub documents_written_max: usize,
    /// Bytes of documents one transaction may write (`TRANSACTION_MAX_USER_WRITE_SIZE_BYTES`).
    pub bytes_written_max: usize,
    /// Functions one mutation may schedule (`TRANSACTION_MAX_NUM_SCHEDULED`).
    pub functions_scheduled_max: usize,
    /// Bytes of arguments of all functions one mutation schedules (`TRANSACTION_MAX_SCHEDULED_TOTAL_ARGUMENT_SIZE_BYTES`).
    pub scheduled_arguments_size_max: usize,
    /// Wall time of a query or mutation's own code (`DATABASE_UDF_USER_TIMEOUT_SECONDS`).
    pub function_timeout: Duration,
    /// Wall time of a query or mutation including waits (`DATABASE_UDF_SYSTEM_TIMEOUT_SECONDS`).
    pub function_system_timeout: Duration,
    /// Wall time of an action (`V8_ACTION_USER_TIMEOUT_SECS`).
    pub action_timeout: Duration,
    /// Wall time of an action in Node.js (`NODE_ACTION_USER_TIMEOUT_SECS`).
    pub node_action_timeout: Duration,
    /// Queries running at once (`APPLICATION_MAX_CONCURRENT_QUERIES`).
    pub concurrent_queries_max: usize,
    /// Mutations running at once (`APPLICATION_MAX_CONCURRENT_MUTATIONS`).
    pub concurrent_mutations_max: usize,
    /// Actions running at once (`APPLICATION_MAX_CONCURRENT_V8_ACTIONS`).
    pub concurrent_actions_max: usize,
    /// Actions in Node.js that clients have running at once (`APPLICATION_MAX_CONCURRENT_NODE_ACTIONS`).
    pub concurrent_node_actions_max: usize,
    /// Processes of Node.js; each runs several actions when there are more (`NODE_PROCESSES`).
    pub node_processes_max: usize,
    /// Bytes of objects that one process of Node.js may hold (`NODE_HEAP_SIZE`).
    pub node_memory_max: usize,
    /// HTTP requests served at once (`APPLICATION_MAX_CONCURRENT_HTTP_REQUESTS`).
    pub concurrent_http_requests_max: usize,
    /// Time limit of an HTTP request (`HTTP_SERVER_TIMEOUT_SECONDS`).
    pub http_timeout: Duration,
    /// Scheduled jobs running at once (`SCHEDULED_JOB_EXECUTION_PARALLELISM`).
    pub concurrent_jobs_max: usize,
    /// Seconds an unused cached query result is kept (`CONVEX_CACHE_TTL`).
    pub cache_ttl: Duration,
    /// Bytes of unused cached query results kept (`UDF_CACHE_MAX_SIZE`).
    pub cache_bytes_max: usize,
    /// Past states that stay readable by timestamp without having been pinned (`RETAINED_STATES`). They cost the
    /// memory of all that was overwritten meanwhile.
    pub retained_states_max: usize,
    /// Memory of one JavaScript isolate, in bytes (`ISOLATE_MAX_USER_HEAP_SIZE`). Array buffers are part of it: elsewhere
    /// they have as much again.
    pub isolate_memory_max: usize,
    /// Running time of the code of all modules while a push loads them (`ISOLATE_ANALYZE_USER_TIMEOUT_SECONDS`).
    pub analysis_timeout: Duration,
    /// Bytes of document bodies kept in memory (`--memory-budget`).
    pub body_bytes_max: usize,
    /// How long it is remembered which documents were deleted, for readers who follow all changes
    /// (`DOCUMENT_RETENTION_DELAY`). Zero remembers nothing.
    pub document_retention: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            documents_read_max: 32_000,
            bytes_read_max: 16 << 20,
            index_ranges_read_max: INDEX_RANGES_READ_MAX,
            documents_written_max: 16_000,
            bytes_written_max: 16 << 20,
            functions_scheduled_max: 1_000,
            scheduled_arguments_size_max: 16 << 20,
            function_timeout: Duration::from_secs(1),
            function_system_timeout: Duration::from_secs(15),
            action_timeout: Duration::from_secs(1_800),
            node_action_timeout: Duration::from_secs(600),
            concurrent_queries_max: 16,
            concurrent_mutations_max: 16,
            concurrent_actions_max: 64,
            concurrent_node_actions_max: 64,
            node_processes_max: 4,
            node_memory_max: 512 << 20,
            concurrent_http_requests_max: 1_024,
            http_timeout: Duration::from_secs(300),
            concurrent_jobs_max: 8,
            cache_ttl: Duration::from_secs(300),
            cache_bytes_max: 100 << 20,
            retained_states_max: 0,
            isolate_memory_max: 128 << 20,
            analysis_timeout: Duration::from_secs(4),
            body_bytes_max: 1 << 30,
            document_retention: Duration::from_secs(2 * 24 * 3_600),
        }
    }
}

impl Limits {
    /// Applies one setting by its environment name. `Ok(false)` if the name is none of ours.
    ///
    /// # Errors
    /// A sentence that names the setting, if the value is not a whole number.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        let number = || -> Result<usize, String> {
            value.trim().parse().map_err(|_| format!("{name} must be a whole number, but it is \"{value}\"."))
        };
        let seconds = || number().map(|seconds| Duration::from_secs(seconds as u64));
        match name {
            "TRANSACTION_MAX_READ_SIZE_ROWS" | "CONVEX_MAX_QUERY_SIZE" => self.documents_read_max = number()?,
            "TRANSACTION_MAX_READ_SIZE_BYTES" => self.bytes_read_max = number()?,
            "TRANSACTION_MAX_READ_SET_INTERVALS" => self.index_ranges_read_max = number()?,
            "TRANSACTION_MAX_NUM_USER_WRITES" => self.documents_written_max = number()?,
            "TRANSACTION_MAX_USER_WRITE_SIZE_BYTES" => self.bytes_written_max = number()?,
            "TRANSACTION_MAX_NUM_SCHEDULED" => self.functions_scheduled_max = number()?,
            "TRANSACTION_MAX_SCHEDULED_TOTAL_ARGUMENT_SIZE_BYTES" => {
                self.scheduled_arguments_size_max = number()?
            }
            "DATABASE_UDF_USER_TIMEOUT_SECONDS" => self.function_timeout = seconds()?,
            "DATABASE_UDF_SYSTEM_TIMEOUT_SECONDS" => self.function_system_timeout = seconds()?,
            "V8_ACTION_USER_TIMEOUT_SECS" => self.action_timeout = seconds()?,
            "NODE_ACTION_USER_TIMEOUT_SECS" => self.node_action_timeout = seconds()?,
            "APPLICATION_MAX_CONCURRENT_QUERIES" => self.concurrent_queries_max = number()?.max(1),
            "APPLICATION_MAX_CONCURRENT_MUTATIONS" => self.concurrent_mutations_max = number()?.max(1),
            "APPLICATION_MAX_CONCURRENT_V8_ACTIONS" => self.concurrent_actions_max = number()?.max(1),
            "APPLICATION_MAX_CONCURRENT_NODE_ACTIONS" => self.concurrent_node_actions_max = number()?.max(1),
            "NODE_PROCESSES" => self.node_processes_max = number()?.max(1),
            "NODE_HEAP_SIZE" => self.node_memory_max = number()?.max(16 << 20),
            "APPLICATION_MAX_CONCURRENT_HTTP_REQUESTS" => {
                self.concurrent_http_requests_max = number()?.max(1)
            }
            "HTTP_SERVER_TIMEOUT_SECONDS" => self.http_timeout = seconds()?,
            "SCHEDULED_JOB_EXECUTION_PARALLELISM" => self.concurrent_jobs_max = number()?.max(1),
            "CONVEX_CACHE_TTL" => self.cache_ttl = seconds()?,
            "UDF_CACHE_MAX_SIZE" => self.cache_bytes_max = number()?,
            "ISOLATE_MAX_USER_HEAP_SIZE" => self.isolate_memory_max = number()?,
            "ISOLATE_ANALYZE_USER_TIMEOUT_SECONDS" => self.analysis_timeout = seconds()?,
            "RETAINED_STATES" => self.retained_states_max = number()?,
            "DOCUMENT_RETENTION_DELAY" => self.document_retention = seconds()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The environment names [`Limits::set`] knows.
    pub const NAMES: &'static [&'static str] = &[
        "TRANSACTION_MAX_READ_SIZE_ROWS",
        "CONVEX_MAX_QUERY_SIZE",
        "TRANSACTION_MAX_READ_SIZE_BYTES",
        "TRANSACTION_MAX_READ_SET_INTERVALS",
        "TRANSACTION_MAX_NUM_USER_WRITES",
        "TRANSACTION_MAX_USER_WRITE_SIZE_BYTES",
        "TRANSACTION_MAX_NUM_SCHEDULED",
        "TRANSACTION_MAX_SCHEDULED_TOTAL_ARGUMENT_SIZE_BYTES",
        "DATABASE_UDF_USER_TIMEOUT_SECONDS",
        "DATABASE_UDF_SYSTEM_TIMEOUT_SECONDS",
        "V8_ACTION_USER_TIMEOUT_SECS",
        "NODE_ACTION_USER_TIMEOUT_SECS",
        "APPLICATION_MAX_CONCURRENT_QUERIES",
        "APPLICATION_MAX_CONCURRENT_MUTATIONS",
        "APPLICATION_MAX_CONCURRENT_V8_ACTIONS",
        "APPLICATION_MAX_CONCURRENT_NODE_ACTIONS",
        "NODE_PROCESSES",
        "NODE_HEAP_SIZE",
        "APPLICATION_MAX_CONCURRENT_HTTP_REQUESTS",
        "HTTP_SERVER_TIMEOUT_SECONDS",
        "SCHEDULED_JOB_EXECUTION_PARALLELISM",
        "CONVEX_CACHE_TTL",
        "UDF_CACHE_MAX_SIZE",
        "ISOLATE_MAX_USER_HEAP_SIZE",
        "ISOLATE_ANALYZE_USER_TIMEOUT_SECONDS",
        "RETAINED_STATES",
        "DOCUMENT_RETENTION_DELAY",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_can_be_set_and_names_itself_when_wrong() {
        for name in Limits::NAMES {
            let mut limits = Limits::default();
            assert_eq!(limits.set(name, "7"), Ok(true), "{name}");
            assert!(limits.set(name, "seven").unwrap_err().contains(name));
        }
        assert_eq!(Limits::default().set("UNKNOWN", "7"), Ok(false));
    }
}
