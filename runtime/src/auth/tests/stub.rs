//! An issuer on the loopback device, and a clock that is set by hand.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::EncodePrivateKey as _;
use parking_lot::Mutex;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use serde_json::{Value as Json, json};

use crate::clock::{Clock, random_bytes};

type Fallible<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A clock that stands still until it is moved.
pub(super) struct SetClock(AtomicU64);

impl SetClock {
    pub(super) fn new(unix_seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(unix_seconds * 1_000_000_000)))
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn unix_ns(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A key pair of the issuer.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) private: EncodingKey,
    pub(super) public: Jwk,
}

impl Key {
    fn new(algorithm: Algorithm, id: &str, private: EncodingKey) -> Fallible<Self> {
        let mut public = Jwk::from_encoding_key(&private, algorithm)?;
        public.common.key_id = Some(id.to_owned());
        Ok(Self { algorithm, private, public })
    }

    pub(super) fn rsa(id: &str) -> Fallible<Self> {
        // Making an RSA key takes a while, so all tests share one.
        static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("an RSA key");
            key.to_pkcs1_der().expect("DER of an RSA key").as_bytes().to_vec()
        });
        Self::new(Algorithm::RS256, id, EncodingKey::from_rsa_der(&RSA))
    }

    pub(super) fn ec(id: &str) -> Fallible<Self> {
        let key = p256::SecretKey::from_slice(&random_bytes::<32>())?;
        Self::new(Algorithm::ES256, id, EncodingKey::from_ec_der(key.to_pkcs8_der()?.as_bytes()))
    }

    pub(super) fn ed(id: &str) -> Fallible<Self> {
        let prefix = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
        let der = [prefix.as_slice(), &random_bytes::<32>()].concat();
        Self::new(Algorithm::EdDSA, id, EncodingKey::from_ed_der(&der))
    }

    /// A token signed with this key.
    pub(super) fn sign(&self, claims: &Json) -> Fallible<String> {
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.public.common.key_id);
        Ok(jsonwebtoken::encode(&header, claims, &self.private)?)
    }
}

/// What the stub answers, to be changed while it runs.
pub(super) struct Site {
    pub(super) status: AtomicU16,
    pub(super) keys: Mutex<String>,
    pub(super) content_type: Mutex<&'static str>,
    /// How many requests for keys there were.
    pub(super) requests: AtomicUsize,
    pub(super) delay: Mutex<Duration>,
    issuer: String,
}

/// The running stub. It stops with the test's runtime.
pub(super) struct Stub {
    pub(super) site: Arc<Site>,
    pub(super) issuer: String,
}

impl Stub {
    pub(super) async fn start(keys: &[&Key]) -> Fallible<Self> {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let site = Arc::new(Site {
            status: AtomicU16::new(200),
            keys: Mutex::default(),
            content_type: Mutex::new("application/json; charset=utf-8"),
            requests: AtomicUsize::new(0),
            delay: Mutex::default(),
            issuer: issuer.clone(),
        });
        let stub = Self { site: site.clone(), issuer };
        stub.publish(keys);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys_handler))
            .with_state(site);
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(stub)
    }

    /// Replaces the published keys.
    pub(super) fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| &key.public).collect();
        *self.site.keys.lock() = json!({"keys": keys}).to_string();
    }

    pub(super) fn requests(&self) -> usize {
        self.site.requests.load(Ordering::Relaxed)
    }
}

async fn discovery(State(site): State<Arc<Site>>) -> Response {
    let document =
        super::super::key_set::discovery_document(&site.issuer, &format!("{}/keys", site.issuer), "RS256");
    let status = StatusCode::from_u16(site.status.load(Ordering::Relaxed)).unwrap_or_default();
    (status, document.to_string()).into_response()
}

async fn keys_handler(State(site): State<Arc<Site>>) -> Response {
    site.requests.fetch_add(1, Ordering::Relaxed);
    let delay = *site.delay.lock();
    tokio::time::sleep(delay).await;
    let content_type = *site.content_type.lock();
    let keys = site.keys.lock().clone();
    ([(header::CONTENT_TYPE, content_type)], keys).into_response()
}
