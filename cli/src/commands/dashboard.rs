//! `fusion dashboard`.

use std::process::{Command, Stdio};

use clap::Args;

use crate::client::Target;
use crate::failure::Result;
use crate::output;
use crate::serve::web;

/// What opens a link in the browser, and what it wants before the link.
const OPENER: (&str, &[&str]) = if cfg!(target_os = "macos") {
    ("open", &[])
} else if cfg!(windows) {
    ("rundll32", &["url.dll,FileProtocolHandler"])
} else {
    ("xdg-open", &[])
};

/// Open the developers' dashboard of a deployment, signed in, and print its link.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion dashboard                            of the server that runs here
  fusion dashboard --no-open                  only print the link
  fusion dashboard --url https://api.example.com --admin-key KEY")]
pub(crate) struct Dashboard {
    /// Print the link and open nothing.
    #[arg(long)]
    no_open: bool,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: Dashboard) -> Result {
    let deployment = command.target.deployment()?;
    // A wrong key is said here, where there is a hint for it, and not in the browser.
    deployment.get("/api/check_admin_key").await?;
    let link = web::signed_in_link(deployment.url().as_str(), deployment.admin_key());
    output::data(&link)?;
    if !command.no_open && !open(&link) {
        output::talk("No browser could be opened: open the link yourself.");
    }
    Ok(())
}

/// Whether the browser was asked to open a link.
fn open(link: &str) -> bool {
    let (program, arguments) = OPENER;
    let mut opener = Command::new(program);
    opener.args(arguments).arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It may be the browser itself and stay: nobody waits for it.
    opener.spawn().is_ok()
}
