//! [`Origin`]: where a request came from, which mutations and actions may ask for.
//!
//! Queries cannot: their results are shared by everybody who asks the same. What is scheduled came from nowhere.

use std::fmt;
use std::net::IpAddr;

/// The origin of the request that caused a call, of everything that is called for it, too.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address of the caller.
    pub ip: Option<IpAddr>,
    /// What the caller calls itself: the header `User-Agent`.
    pub user_agent: Option<String>,
    /// The token by which the caller was identified. Administrators have none.
    pub token: Option<String>,
}

impl Origin {
    /// The same origin, identified by another token or by none.
    #[must_use]
    pub fn with_token(&self, token: Option<String>) -> Self {
        Self { ip: self.ip, user_agent: self.user_agent.clone(), token }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever has the token is the user.
        f.debug_struct("Origin").field("ip", &self.ip).field("has_token", &self.token.is_some()).finish()
    }
}
