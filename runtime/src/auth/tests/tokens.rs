use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value as Json, json};

use super::stub::{Key, SetClock, Stub};
use crate::auth::{
    AdminKeys, Authenticator, Credentials, DevIssuer, Identity, InstanceSecret, Provider, Secrets,
};
use crate::error::{Error, ErrorKind};

type Fallible<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const NOW: u64 = 1_800_000_000;

/// An authenticator with these providers, and its clock at [`NOW`].
fn authenticator(providers: &[Json]) -> Fallible<(Arc<SetClock>, Arc<Authenticator>)> {
    let clock = SetClock::new(NOW);
    let keys = AdminKeys::new("carnitas", Secrets::new(InstanceSecret::generate()));
    let authenticator = Authenticator::new(keys, clock.clone(), false)?;
    authenticator.set_providers(Provider::list_from_json(providers)?);
    Ok((clock, Arc::new(authenticator)))
}

fn oidc(stub: &Stub) -> Json {
    json!({"domain": stub.issuer, "applicationID": "app"})
}

fn custom(stub: &Stub, algorithm: &str) -> Json {
    json!({"type": "customJwt", "issuer": "https://custom.example", "jwks": format!("{}/keys", stub.issuer),
           "algorithm": algorithm, "applicationID": "app"})
}

/// Good claims, with some of them replaced; `null` removes.
fn claims(issuer: &str, changes: Json) -> Json {
    let mut claims = json!({"iss": issuer, "sub": "u", "aud": "app", "iat": NOW - 10, "exp": NOW + 60});
    if let (Some(claims), Json::Object(changes)) = (claims.as_object_mut(), changes) {
        for (claim, value) in changes {
            if value.is_null() {
                claims.remove(&claim);
            } else {
                claims.insert(claim, value);
            }
        }
    }
    claims
}

async fn refusal(authenticator: &Authenticator, token: &str) -> Fallible<Error> {
    match authenticator.authenticate(token).await {
        Ok(_) => Err("the token was accepted".into()),
        Err(error) => Ok(error),
    }
}

#[tokio::test]
async fn signed_tokens_of_all_kinds_are_accepted() -> Fallible {
    let (rsa, ec, ed) = (Key::rsa("rsa")?, Key::ec("ec")?, Key::ed("ed")?);
    let stub = Stub::start(&[&rsa, &ec, &ed]).await?;
    for key in [&rsa, &ed] {
        let (_, authenticator) = authenticator(&[oidc(&stub)])?;
        let identity = authenticator
            .authenticate(&key.sign(&claims(&stub.issuer, json!({"given_name": "Amy"})))?)
            .await?;
        assert_eq!(identity.token_identifier(), format!("{}|u", stub.issuer));
        assert!(identity.claim("givenName").is_some());
        assert_eq!(identity.expires_at(), Some(NOW + 60));
    }
    for (key, algorithm) in [(&rsa, "RS256"), (&ec, "ES256")] {
        let (_, authenticator) = authenticator(&[custom(&stub, algorithm)])?;
        // The custom kind does not need `iat`, and may have several audiences.
        let changes = json!({"iat": null, "aud": ["other", "app"], "given_name": "Amy"});
        let identity =
            authenticator.authenticate(&key.sign(&claims("https://custom.example", changes))?).await?;
        assert!(identity.claim("given_name").is_some());
    }
    Ok(())
}

#[tokio::test]
async fn wrong_claims_are_named() -> Fallible {
    let key = Key::rsa("rsa")?;
    let stub = Stub::start(&[&key]).await?;
    let (_, authenticator) = authenticator(&[oidc(&stub), custom(&stub, "RS256")])?;
    let custom_issuer = "https://custom.example";
    for (issuer, changes, fragment) in [
        (stub.issuer.as_str(), json!({"exp": NOW}), "Token expired 0 seconds ago"),
        (&stub.issuer, json!({"exp": NOW - 7}), "Token expired 7 seconds ago"),
        (&stub.issuer, json!({"exp": null}), "'exp' is missing"),
        (&stub.issuer, json!({"exp": "soon"}), "'exp' is missing"),
        (&stub.issuer, json!({"exp": -1}), "'exp' is missing"),
        (&stub.issuer, json!({"iat": null}), "'iat' is missing"),
        (&stub.issuer, json!({"nbf": NOW + 6}), "will be valid in 6 seconds"),
        (&stub.issuer, json!({"sub": null}), "'sub' is missing"),
        (&stub.issuer, json!({"sub": 7}), "'sub' is missing"),
        (&stub.issuer, json!({"aud": ["app", "other"]}), "'aud' must be"),
        (&stub.issuer, json!({"iss": null}), "'iss' is missing"),
        (custom_issuer, json!({"exp": NOW - 1}), "Token expired 1 seconds ago"),
        (custom_issuer, json!({"nbf": NOW + 60}), "will be valid in 60 seconds"),
        (custom_issuer, json!({"iat": NOW + 60}), "will be valid in 60 seconds"),
        (custom_issuer, json!({"sub": null}), "'sub' is missing"),
    ] {
        let error = refusal(&authenticator, &key.sign(&claims(issuer, changes.clone()))?).await?;
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Unauthenticated, "InvalidAuthHeader"),
            "{changes}"
        );
        assert!(error.message().contains(fragment), "{changes}: {error}");
    }
    // Clocks may differ by a few seconds.
    authenticator.authenticate(&key.sign(&claims(&stub.issuer, json!({"nbf": NOW + 5})))?).await?;
    authenticator.authenticate(&key.sign(&claims(custom_issuer, json!({"iat": NOW + 5})))?).await?;
    Ok(())
}

#[tokio::test]
async fn tokens_nobody_vouches_for_list_the_providers_unless_redacted() -> Fallible {
    let key = Key::rsa("rsa")?;
    let stub = Stub::start(&[&key]).await?;
    let any = json!({"type": "customJwt", "issuer": "any.example", "jwks": "data:,{}", "algorithm": "ES256"});
    let (_, authenticator) = authenticator(&[oidc(&stub), any.clone()])?;
    for (issuer, changes) in [("https://other.example", json!({})), (&stub.issuer, json!({"aud": "else"}))] {
        let error = refusal(&authenticator, &key.sign(&claims(issuer, changes))?).await?;
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, "NoAuthProvider"));
        assert!(error.message().contains("No auth provider found matching the given token"), "{error}");
        let list = format!(
            "[OIDC(domain={}, app_id=app), CustomJWT(issuer=https://any.example, app_id=none)]",
            stub.issuer
        );
        assert!(error.message().contains(&list), "{error}");
    }
    let keys = AdminKeys::new("carnitas", Secrets::new(InstanceSecret::generate()));
    let redacted = Authenticator::new(keys, SetClock::new(NOW), true)?;
    redacted.set_providers(Provider::list_from_json(&[any])?);
    let error = refusal(&redacted, &key.sign(&claims("https://other.example", json!({})))?).await?;
    assert!(!error.message().contains("any.example"), "{error}");
    Ok(())
}

#[tokio::test]
async fn forged_signatures_are_refused() -> Fallible {
    let (rsa, ec, mut ed) = (Key::rsa("rsa")?, Key::ec("ec")?, Key::ed("ed")?);
    // Key sets need not say what their keys are for.
    ed.public.common.key_algorithm = None;
    let stub = Stub::start(&[&rsa, &ec, &ed]).await?;
    let (_, authenticator) = authenticator(&[oidc(&stub), custom(&stub, "RS256")])?;
    let body = claims(&stub.issuer, json!({}));
    let assert_refused = async |token: &str, fragment: &str| -> Fallible {
        let error = refusal(&authenticator, token).await?;
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.message().contains(fragment), "{error}");
        Ok(())
    };

    let good = rsa.sign(&body)?;
    authenticator.authenticate(&good).await?;
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { return Err("not three parts".into()) };

    // Another payload under the same signature, a changed signature, none at all.
    let other = BASE64URL.encode(claims(&stub.issuer, json!({"sub": "admin"})).to_string());
    assert_refused(&format!("{header}.{other}.{signature}"), "signature is wrong").await?;
    let mut bytes = BASE64URL.decode(signature)?;
    bytes[9] ^= 1;
    assert_refused(&format!("{header}.{payload}.{}", BASE64URL.encode(bytes)), "signature is wrong").await?;
    assert_refused(&format!("{header}.{payload}."), "signature is wrong").await?;

    // The same key id, but somebody else's key.
    assert_refused(&Key::ed("ed")?.sign(&body)?, "signature is wrong").await?;

    // `none`, in several spellings and without a signature.
    for algorithm in ["none", "None", "NONE", ""] {
        let header = BASE64URL.encode(json!({"alg": algorithm, "kid": "rsa"}).to_string());
        assert_refused(&format!("{header}.{payload}."), "its algorithm is").await?;
    }
    let header_without = BASE64URL.encode(json!({"kid": "rsa"}).to_string());
    assert_refused(&format!("{header_without}.{payload}.{signature}"), "its algorithm is \"none\"").await?;

    // The public RSA key as the secret of an HMAC.
    let public = serde_json::to_value(&rsa.public)?;
    for secret in [public["n"].as_str().unwrap_or_default().to_owned(), public.to_string()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("rsa".to_owned());
        let token = jsonwebtoken::encode(&header, &body, &EncodingKey::from_secret(secret.as_bytes()))?;
        assert_refused(&token, "its algorithm is \"HS256\"").await?;
    }

    // A right signature with an algorithm the provider does not take, and a key of another kind than the algorithm.
    assert_refused(&ec.sign(&body)?, "takes RS256 or EdDSA only").await?;
    assert_refused(&ed.sign(&claims("https://custom.example", json!({})))?, "takes RS256 only").await?;
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("ed".to_owned());
    assert_refused(&jsonwebtoken::encode(&header, &body, &rsa.private)?, "is not one for RS256").await
}

#[tokio::test]
async fn malformed_tokens_make_no_request() -> Fallible {
    let rsa = Key::rsa("rsa")?;
    let stub = Stub::start(&[&rsa]).await?;
    let (_, authenticator) = authenticator(&[oidc(&stub)])?;
    let good = rsa.sign(&claims(&stub.issuer, json!({})))?;
    let (header, rest) = good.split_once('.').ok_or("no dot")?;
    for bad in [
        String::new(),
        "a".to_owned(),
        "a.b".to_owned(),
        "..".to_owned(),
        format!("{good}.x"),
        format!("!{good}"),
        format!("{}.{rest}", BASE64URL.encode("[]")),
        format!("{header}.{}.x", BASE64URL.encode("\"text\"")),
    ] {
        let error = refusal(&authenticator, &bad).await?;
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, "InvalidAuthHeader"), "{bad}");
        assert!(error.message().contains("three base64-encoded parts"), "{bad}: {error}");
    }
    let error = refusal(&authenticator, &format!("{good}{}", "A".repeat(70_000))).await?;
    assert!(error.message().contains("longer than"), "{error}");
    assert_eq!(stub.requests(), 0);
    Ok(())
}

#[tokio::test]
async fn a_token_that_names_no_key_is_of_the_only_one_there_is() -> Fallible {
    let (rsa, other, ed) = (Key::rsa("rsa")?, Key::rsa("other")?, Key::ed("ed")?);
    let sign = |issuer: &str| {
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims(issuer, json!({})), &rsa.private)
    };
    let stub = Stub::start(&[&rsa, &ed]).await?;
    let (_, oidc_only) = authenticator(&[oidc(&stub)])?;
    oidc_only.authenticate(&sign(&stub.issuer)?).await?;

    let several = Stub::start(&[&rsa, &other]).await?;
    let (_, ambiguous) = authenticator(&[oidc(&several)])?;
    let (_, custom_only) = authenticator(&[custom(&stub, "RS256")])?;
    for (authenticator, issuer) in
        [(ambiguous, several.issuer.as_str()), (custom_only, "https://custom.example")]
    {
        let error = refusal(&authenticator, &sign(issuer)?).await?;
        assert!(error.message().contains("JWT may be missing a 'kid'"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_again_but_not_too_often() -> Fallible {
    let (old, new) = (Key::ed("old")?, Key::ed("new")?);
    let stub = Stub::start(&[&old]).await?;
    let (clock, authenticator) = authenticator(&[oidc(&stub)])?;
    let body = claims(&stub.issuer, json!({"exp": NOW + 100_000}));
    let (old, new_token) = (old.sign(&body)?, new.sign(&body)?);
    authenticator.authenticate(&old).await?;
    for _ in 0..3 {
        let error = refusal(&authenticator, &new_token).await?;
        assert!(error.message().contains("\"new\""), "{error}");
    }
    assert_eq!(stub.requests(), 1);
    // The provider changes its keys; the next look is allowed after a while.
    stub.publish(&[&new]);
    clock.advance(11);
    authenticator.authenticate(&new_token).await?;
    assert!(refusal(&authenticator, &old).await?.message().contains("\"old\""));
    assert_eq!(stub.requests(), 2);
    // Providers that stay configured keep their keys.
    authenticator.set_providers(authenticator.providers());
    authenticator.authenticate(&new_token).await?;
    assert_eq!(stub.requests(), 2);
    // After some minutes the keys are asked for again; if the provider is down, the old copy does for an hour.
    clock.advance(700);
    stub.site.status.store(500, Ordering::Relaxed);
    authenticator.authenticate(&new_token).await?;
    assert_eq!(stub.requests(), 2);
    clock.advance(3_600);
    let error = refusal(&authenticator, &new_token).await?;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Overloaded, "AuthProviderDiscoveryFailed"));
    Ok(())
}

#[tokio::test]
async fn many_callers_share_one_fetch() -> Fallible {
    let key = Key::ed("ed")?;
    let stub = Stub::start(&[&key]).await?;
    *stub.site.delay.lock() = Duration::from_millis(50);
    let (_, authenticator) = authenticator(&[oidc(&stub)])?;
    let token: Arc<str> = key.sign(&claims(&stub.issuer, json!({})))?.into();
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (authenticator, token) = (authenticator.clone(), token.clone());
            tokio::spawn(async move { authenticator.authenticate(&token).await })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    assert_eq!(stub.requests(), 1);
    Ok(())
}

#[tokio::test]
async fn failures_of_the_provider_are_told_apart() -> Fallible {
    let key = Key::rsa("rsa")?;
    let stub = Stub::start(&[&key]).await?;
    let token = key.sign(&claims(&stub.issuer, json!({})))?;
    for (status, kind) in
        [(404, ErrorKind::BadRequest), (429, ErrorKind::RateLimited), (503, ErrorKind::Overloaded)]
    {
        stub.site.status.store(status, Ordering::Relaxed);
        let (_, authenticator) = authenticator(&[oidc(&stub)])?;
        let error = refusal(&authenticator, &token).await?;
        assert_eq!((error.kind(), error.code()), (kind, "AuthProviderDiscoveryFailed"), "{status}");
    }
    // Nobody there at all.
    let (_, gone) = authenticator(&[json!({"domain": "http://127.0.0.1:1", "applicationID": "app"})])?;
    let error = refusal(&gone, &key.sign(&claims("http://127.0.0.1:1", json!({})))?).await?;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Overloaded, "AuthProviderDiscoveryFailed"));

    let token = key.sign(&claims("https://custom.example", json!({})))?;
    for (content_type, body, fragment) in [
        ("text/html", "{\"keys\":[]}", "content type \"text/html\""),
        ("application/json", "<html>", "Invalid JWKS response body \"<html>\" is not valid JSON"),
        ("application/jwk-set+json", "{}", "has no list"),
        ("application/json", &"x".repeat(2 << 20), "is longer than"),
    ] {
        *stub.site.content_type.lock() = content_type;
        body.clone_into(&mut stub.site.keys.lock());
        let (_, authenticator) = authenticator(&[custom(&stub, "RS256")])?;
        let error = refusal(&authenticator, &token).await?;
        assert!(error.message().contains(fragment), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn keys_can_be_part_of_the_configuration() -> Fallible {
    let key = Key::ec("ec")?;
    let keys = json!({"keys": [key.public]}).to_string();
    let jwks = format!("data:text/plain;charset=utf-8;base64,{}", BASE64URL.encode(keys));
    let provider =
        json!({"type": "customJwt", "issuer": "https://custom.example", "jwks": jwks, "algorithm": "ES256"});
    let (_, authenticator) = authenticator(&[provider])?;
    authenticator.authenticate(&key.sign(&claims("https://custom.example", json!({"aud": null})))?).await?;
    Ok(())
}

#[tokio::test]
async fn the_development_issuer_vouches_for_the_demo_operator() -> Fallible {
    let secrets = Secrets::new(InstanceSecret::generate());
    let issuer = DevIssuer::new("http://127.0.0.1:3210/_dev", &secrets)?;
    let again = DevIssuer::new("http://127.0.0.1:3210/_dev", &secrets)?;
    assert_eq!(issuer.jwks(), again.jwks());
    let clock = SetClock::new(NOW);
    let authenticator = Authenticator::new(AdminKeys::new("dev", secrets.clone()), clock.clone(), false)?
        .with_built_in(issuer.provider(), &issuer.jwks())?;
    let token = issuer.demo_token(NOW as f64 * 1_000.0)?;
    let identity = authenticator.authenticate(&token).await?;
    let claim = |name: &str| identity.claim(name).and_then(|value| value.as_str().map(str::to_owned));
    assert_eq!(claim("subject").as_deref(), Some("user_demo"));
    assert_eq!(claim("orgId").as_deref(), Some("org_demo"));
    assert_eq!(claim("familyName").as_deref(), Some("Operator"));
    // Another instance's issuer is not believed, and the token expires.
    let stranger = DevIssuer::new("http://127.0.0.1:3210/_dev", &Secrets::new(InstanceSecret::generate()))?;
    refusal(&authenticator, &stranger.demo_token(NOW as f64 * 1_000.0)?).await?;
    clock.advance(3_600);
    let error = refusal(&authenticator, &token).await?;
    assert!(error.message().contains("Token expired 0 seconds ago"), "{error}");
    assert!(identity.check_expiry(NOW as f64 * 1_000.0 + 3_600_000.0).is_err());
    // Its documents are those of an ordinary issuer.
    assert_eq!(issuer.discovery()["jwks_uri"], "http://127.0.0.1:3210/_dev/.well-known/jwks.json");
    Ok(())
}

#[tokio::test]
async fn credentials_become_identities() -> Fallible {
    let (_, authenticator) = authenticator(&[])?;
    let key = authenticator.admin_keys().issue();
    assert_eq!(authenticator.identify(&Credentials::None).await?, Identity::Anonymous);
    let admin = authenticator.identify(&Credentials::admin(&format!("prod:{key}"))?).await?;
    assert_eq!(admin, Identity::Admin { acting_as: None });
    let acting = Credentials::admin(&format!("{key}:{}", BASE64URL.encode(r#"{"tokenIdentifier":"i|u"}"#)))?;
    let acting = authenticator.identify(&acting).await?;
    assert!(acting.is_admin() && acting.user()?.is_some());
    let error =
        authenticator.identify(&Credentials::admin("carnitas|00")?).await.expect_err("must be refused");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "BadDeployKey"));
    assert!(authenticator.identify(&Credentials::Bearer("x".to_owned())).await.is_err());
    Ok(())
}
