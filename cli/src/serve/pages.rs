//! The pages of an application: a folder of files under `/app/`, with the browser bundle of the project's `convex`
//! package beside them, so that a page needs no build to call functions.
//!
//! Deliberately absent: frameworks, which have servers of their own.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderValue, header};
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::project::packages;

/// The folder of the pages in a project.
pub(crate) const FOLDER: &str = "public";
/// Where they are served.
pub(crate) const PATH: &str = "/app";
/// The file that pages load to call functions.
const CLIENT: &str = "/app/convex.js";

/// Serves the files of a folder.
pub(super) fn router(folder: &Path) -> Router {
    let mut router = Router::new().nest_service(PATH, ServeDir::new(folder));
    if let Some(convex) = packages::find(folder, "convex") {
        router = router.route_service(CLIENT, ServeFile::new(convex.join("dist/browser.bundle.js")));
    }
    // Browsers ask whether a file changed; while developing it often did.
    let fresh =
        SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    router.layer(fresh)
}
