//! `system/rateLimits`: how often a visitor or an organisation may do something.
//!
//! Windows are aligned to the epoch. Each kind of thing counts in rows of its own, so that somebody who writes many
//! messages can still begin a conversation.

use fusion_runtime::Result;
use fusion_runtime::function::MutationCtx;
use fusion_schema::Typed;
use fusion_schema::tables::RateLimit;

use crate::errors::rate_limited;

/// `system/rateLimits`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("checkRateLimitInternal", |ctx: &mut MutationCtx<'_>, args: CheckRateLimit| {
        check(ctx, args.limit_key, &args.key)
    });
}

/// What is limited.
#[derive(Clone, Copy, Debug, Typed)]
pub(crate) enum LimitKey {
    /// Messages of a session.
    Messages,
    /// Sessions of an organisation.
    Sessions,
    /// Conversations of a session.
    Conversations,
}

impl LimitKey {
    /// The length of a window in milliseconds, how often it may be done in one, and the prefix of the rows' keys.
    const fn limit(self) -> (f64, f64, &'static str) {
        match self {
            Self::Messages => (60_000.0, 30.0, "messages"),
            Self::Sessions => (300_000.0, 5.0, "sessions"),
            Self::Conversations => (60_000.0, 10.0, "conversations"),
        }
    }

    /// The key of the rows that count this for somebody.
    pub(crate) fn row_key(self, key: &str) -> String {
        let (_, _, prefix) = self.limit();
        format!("{prefix}:{key}")
    }
}

/// The longest window there is, in milliseconds.
pub(crate) const WINDOW_MS_MAX: f64 = 300_000.0;

/// Who does what.
#[derive(Typed)]
pub(crate) struct CheckRateLimit {
    pub(crate) key: String,
    pub(crate) limit_key: LimitKey,
}

/// Counts one more of `limit` for `key`, or fails if there have been enough in this window.
pub(crate) fn check(ctx: &mut MutationCtx<'_>, limit: LimitKey, key: &str) -> Result<()> {
    let (window_ms, max, _) = limit.limit();
    let now = ctx.now();
    let window_start = (now / window_ms).floor() * window_ms;
    let key = limit.row_key(key);
    let entry = ctx
        .db()
        .query::<RateLimit>()
        .index("by_key_and_window")
        .eq("key", key.as_str())
        .eq("windowStart", window_start)
        .unique()?;
    match entry {
        Some(entry) if entry.count >= max => {
            Err(rate_limited(((window_start + window_ms - now) / 1000.0).ceil()))
        }
        Some(mut entry) => {
            entry.count += 1.0;
            ctx.db().save(entry)
        }
        None => ctx.db().insert(RateLimit { key, window_start, count: 1.0 }).map(drop),
    }
}
