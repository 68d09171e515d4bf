//! Entries of the application's own audit log (`log.audit(..)`): what stands for the circumstances of the call.

use serde_json::Value as Json;

use super::origin::Origin;
use super::outcome::RequestId;

/// The field of an object that stands for something.
const VARIABLE: &str = "$var";

/// Puts in place what the body asks for: `{"$var": "requestId"}` and the like. What is not known is null.
pub(super) fn resolve(body: &mut Json, request_id: RequestId, origin: Option<&Origin>, now_ms: f64) {
    match body {
        Json::Array(items) => items.iter_mut().for_each(|item| resolve(item, request_id, origin, now_ms)),
        Json::Object(fields) => match fields.get(VARIABLE).and_then(Json::as_str) {
            Some("requestId") => *body = request_id.to_string().into(),
            Some("ip") => *body = origin.and_then(|origin| origin.ip).map(|ip| ip.to_string()).into(),
            Some("userAgent") => *body = origin.and_then(|origin| origin.user_agent.clone()).into(),
            Some("now") => *body = (now_ms as u64).into(),
            Some(_) => *body = Json::Null,
            None => fields.values_mut().for_each(|value| resolve(value, request_id, origin, now_ms)),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_put_in_place_wherever_they_stand() {
        let mut body =
            json!({"a": [{"$var": "requestId"}, 1], "b": {"c": {"$var": "now"}}, "ip": {"$var": "ip"}});
        let mut of_nobody = body.clone();
        resolve(&mut of_nobody, RequestId::from_number(1), None, 7.5);
        assert_eq!(of_nobody, json!({"a": ["0000000000000001", 1], "b": {"c": 7}, "ip": null}));
        let origin = Origin { ip: Some([127, 0, 0, 1].into()), ..Origin::default() };
        resolve(&mut body, RequestId::from_number(1), Some(&origin), 7.5);
        assert_eq!(body["ip"], "127.0.0.1");
    }
}
