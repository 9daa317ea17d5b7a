//! A token server of the distribution project's protocol: tokens as a real `docker-registry` with
//! `auth: token` wants them (ES256, the certificate in `x5c`).

use super::fake_registry::{Answer, Asked, FakeRegistry};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use std::time::{SystemTime, UNIX_EPOCH};

pub const ISSUER: &str = "test-issuer";
pub const SERVICE: &str = "test-service";

pub struct TokenServer {
    pub server: FakeRegistry,
    /// What the registry trusts, PEM.
    pub certificate: String,
}

impl TokenServer {
    /// Gives a token to whoever knows `user:password` or the identity token `refresh`.
    pub fn start(user: &str, password: &str, refresh: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![ISSUER.to_owned()]).unwrap().self_signed(&key).unwrap();
        let der = STANDARD.encode(certificate.der());
        let pkcs8 = key.serialize_der();
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let refresh = refresh.to_owned();
        let server = FakeRegistry::start(move |asked| {
            let fields = fields(asked);
            let field =
                |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            let known = asked.header("authorization") == Some(basic.as_str())
                || (field("grant_type") == Some("refresh_token")
                    && field("refresh_token") == Some(refresh.as_str()));
            if !known || field("service") != Some(SERVICE) {
                return Answer::new(
                    401,
                    r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}"#,
                );
            }
            let token = token(&pkcs8, &der, field("scope").unwrap_or_default());
            let name = if asked.method == "POST" { "access_token" } else { "token" };
            Answer::new(200, format!(r#"{{"{name}":"{token}","expires_in":300}}"#))
        });
        Self { server, certificate: certificate.pem() }
    }
}

fn fields(asked: &Asked) -> Vec<(String, String)> {
    let query = asked.path.split_once('?').map_or("", |(_, q)| q);
    [query, &asked.body]
        .iter()
        .flat_map(|s| url::form_urlencoded::parse(s.as_bytes()).into_owned())
        .collect()
}

fn token(pkcs8: &[u8], certificate: &str, scope: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let access: Vec<_> = scope
        .split(' ')
        .filter_map(|s| {
            let (kind, rest) = s.split_once(':')?;
            let (name, actions) = rest.rsplit_once(':')?;
            Some(serde_json::json!({
                "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>(),
            }))
        })
        .collect();
    let header = serde_json::json!({"typ": "JWT", "alg": "ES256", "x5c": [certificate]});
    let claims = serde_json::json!({
        "iss": ISSUER, "sub": "tester", "aud": SERVICE, "jti": format!("{now}"),
        "iat": now, "nbf": now - 10, "exp": now + 300, "access": access,
    });
    let encode = |v: &serde_json::Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random).unwrap();
    let signature = key.sign(&random, signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
