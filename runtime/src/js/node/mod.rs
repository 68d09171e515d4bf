//! Node actions: functions of modules that begin with `"use node"`, run by Node.js in processes of their own.
//!
//! ```text
//! call ──► Node (pool) ──► Process ═ socket ═ executor/main.mjs ──► the module's action
//!            │                │  ◄── what it asks: queries, mutations, files … answered as for actions in isolates
//!            ├─ Program: the machine's Node.js      └─ Bundle: the modules as files, Packages: what npm installed
//! ```
//!
//! A process belongs to one set of modules, packages and variables; while these are the same it stays, whatever is
//! pushed. It runs several actions at once when there are more actions than processes. An error that an action's
//! promise does not hold ends that action alone, and the process takes no more of them; when a process dies, all its
//! actions fail: none is run twice, as nobody knows what it had done.
//!
//! - [`program`], [`bundle`], [`packages`]: what a process needs;  [`child`], [`frame`], [`message`], [`process`]: one process;
//! - [`pool`]: which one runs a call;  [`call`], [`analysis`]: calls, and what a push asks;
//! - [`stand_ins`]: what can be learned of modules where there is no Node.js.
//!
//! Deliberately absent: which system calls there are (`syscalls`), and components, which have no Node actions.

mod analysis;
mod bundle;
mod call;
mod child;
mod frame;
mod message;
mod packages;
mod pool;
mod process;
mod program;
pub(super) mod stand_ins;
#[cfg(all(test, feature = "quickjs"))]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

pub(super) use self::bundle::Bundle;
pub use self::packages::{NodeDependency, dependencies_id};
pub(super) use self::pool::Node;

/// What actions may reach on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeAccess {
    /// Their modules and packages, the system's libraries, and a temporary folder; no other processes, no threads.
    Sandbox,
    /// Whatever the server may.
    Full,
}

/// Where Node.js is and what it may do.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The program; without it the one that is found on `search_path`.
    pub program: Option<PathBuf>,
    /// Folders to look for `node` and `npm` in, as in `PATH`.
    pub search_path: OsString,
    /// The environment of `npm`, `PATH` aside. Actions get none of it.
    pub npm_environment: Vec<(OsString, OsString)>,
    /// The folder for modules and packages.
    pub folder: PathBuf,
    /// What actions may reach.
    pub access: NodeAccess,
    /// Whether packages may run scripts of their own when they are installed.
    pub install_scripts: bool,
}
