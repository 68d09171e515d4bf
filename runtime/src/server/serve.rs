//! Listening: two sockets, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::router::{router, site_router};
use super::state::ServerState;
use crate::error::{Error, Result};

/// How long requests under way may take once the server is told to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);

/// Serves the main listener and, if there is one, the site listener, until `shutdown` becomes true and everything
/// under way has ended or [`DRAIN_TIMEOUT`] is over.
///
/// # Errors
/// If a listener fails.
pub async fn serve(
    state: Arc<ServerState>,
    main: TcpListener,
    site: Option<TcpListener>,
    extra: Router,
    shutdown: watch::Receiver<bool>,
) -> Result<()> {
    let app = router(state.clone()).merge(extra);
    let main = listen(main, app, shutdown.clone());
    let site = async {
        match site {
            Some(listener) => listen(listener, site_router(state.clone()), shutdown.clone()).await,
            None => Ok(()),
        }
    };
    let both = async { tokio::try_join!(main, site).map(|_| ()) };
    let mut ending = shutdown.clone();
    let drained = async {
        stopped(&mut ending).await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        ended = both => ended?,
        () = drained => tracing::warn!("requests were still under way when the time to drain was over"),
    }
    // Sockets are tasks of their own; they close when they hear of the shutdown.
    let sockets = async {
        while state.sockets.open.load(std::sync::atomic::Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), sockets).await;
    state.log_streams.finish().await;
    Ok(())
}

async fn listen(listener: TcpListener, app: Router, mut shutdown: watch::Receiver<bool>) -> Result<()> {
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        // Answers are small and somebody waits for each.
        let _ = stream.set_nodelay(true);
    });
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let served =
        axum::serve(listener, app).with_graceful_shutdown(async move { stopped(&mut shutdown).await });
    served.into_future().await.map_err(|error| Error::internal("a listener failed").with_source(error))
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that nobody can say it any more, which says it too.
    let _ = shutdown.wait_for(|is_over| *is_over).await;
}
