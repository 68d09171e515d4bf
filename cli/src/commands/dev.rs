//! `fusion dev`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::app::{self, App, demo_seed};
use crate::client::{Deployment, RUNNING_FILE, Target, read_running_file};
use crate::develop::{self, DevelopOptions};
use crate::failure::Result;
use crate::output;
use crate::project::Project;
use crate::serve::shutdown::StopSignals;
use crate::serve::{self, Served, ServerOptions, pages};

/// Run a server for development on this machine and, in a folder with `convex/`, push its functions whenever they change.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion dev                                  serve, push, watch; in a folder without `convex/`: Fusion Chat
  fusion dev --run init:seed                  and run a function after the first push
  fusion dev --start 'npm run dev'            and run the pages' own server beside it
  fusion dev --once                           push once and end; to the server that runs here, if one does")]
pub(crate) struct Dev {
    /// Application compiled into this binary to serve [default: fusion-chat, or none in a folder with `convex/`].
    #[arg(long, value_enum)]
    app: Option<App>,

    #[command(flatten)]
    develop: DevelopOptions,

    /// Deployment to push to, instead of a server that is started here.
    #[arg(long, value_name = "URL", help_heading = "Functions")]
    url: Option<String>,

    /// Admin key of that deployment.
    #[arg(long, value_name = "KEY", requires = "url", help_heading = "Functions")]
    admin_key: Option<String>,

    /// File with the URL and the admin key of that deployment.
    #[arg(long, value_name = "PATH", conflicts_with = "url", help_heading = "Functions")]
    env_file: Option<PathBuf>,

    #[command(flatten)]
    options: ServerOptions,
}

pub(super) fn run(command: Dev) -> Result {
    let project = Project::find(Path::new("."))?;
    let is_remote = command.url.is_some() || command.env_file.is_some();
    let Some(project) = project else {
        if command.develop.needs_functions() || is_remote {
            // Says what is missing.
            Project::here()?;
        }
        let app = command.app.unwrap_or(App::FusionChat);
        return serve::serve(&command.options, served(app, &command.options.data_dir)?);
    };
    if is_remote {
        let Dev { url, admin_key, env_file, develop, options, .. } = command;
        let target = Target { url, admin_key, env_file, data_dir: options.data_dir };
        return develop_on(project, &target.deployment()?, &develop);
    }
    if let Some((url, admin_key)) = running(&command.options.data_dir) {
        output::talk(format_args!("Using the server that runs here: {url}"));
        return develop_on(project, &Deployment::new(&url, admin_key)?, &command.develop);
    }
    let mut served = served(command.app.unwrap_or(App::None), &command.options.data_dir)?;
    let page_folder = project.root.join(pages::FOLDER);
    if page_folder.is_dir() {
        served.pages = Some(page_folder);
    }
    serve::serve_with(&command.options, served, async |running| {
        let deployment = Deployment::new(&running.url, running.admin_key.clone())?;
        project.write_urls(&running.url, &running.site_url)?;
        develop::develop(project, &deployment, &command.develop).await
    })
}

/// Pushes to a server that is somebody else's, until it is asked to stop.
fn develop_on(project: Project, deployment: &Deployment, options: &DevelopOptions) -> Result {
    super::wait(async {
        let mut signals = StopSignals::catch()?;
        tokio::select! {
            result = develop::develop(project, deployment, options) => result,
            () = signals.next() => Ok(()),
        }
    })
}

/// As it is served for development.
fn served(app: App, data_dir: &Path) -> Result<Served> {
    Ok(Served { development: true, seed: demo_seed(app)?, ..app::served(app, data_dir)? })
}

/// URL and admin key of the server that runs on the data folder, if one really does.
fn running(data: &Path) -> Option<(String, String)> {
    let (url, admin_key) = read_running_file(&data.join(RUNNING_FILE))?;
    let address = url.strip_prefix("http://")?.parse().ok()?;
    // A server that was killed left the file behind.
    std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_secs(1)).ok()?;
    Some((url, admin_key))
}
