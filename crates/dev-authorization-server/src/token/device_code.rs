//! The device code grant (RFC 8628 §3.4): has the user answered?

use oauth::ErrorCode;
use serde_json::{Map, Value};

use super::TokenCall;
use crate::{error::Refusal, store::DeviceAnswer};

pub(super) fn grant(request: &TokenCall<'_>) -> Result<Map<String, Value>, Refusal> {
    let code = request.form.get("device_code");
    let code = code.ok_or_else(|| Refusal::invalid_request("device_code is missing"))?;
    let realm = &request.call.served.realm.name;
    let devices = &request.call.app.store.devices;
    match devices.ask(realm, &request.client.client_id, code, request.call.now) {
        DeviceAnswer::Approved(grant) => request.issue_for_login(&grant, None),
        DeviceAnswer::Pending => {
            Err(Refusal::new(ErrorCode::AuthorizationPending, "the user has not answered yet"))
        }
        DeviceAnswer::SlowDown => Err(Refusal::new(ErrorCode::SlowDown, "ask less often")),
        DeviceAnswer::Denied => Err(Refusal::new(ErrorCode::AccessDenied, "the user refused")),
        DeviceAnswer::Expired => Err(Refusal::new(ErrorCode::ExpiredToken, "the device code has expired")),
        DeviceAnswer::Unknown => Err(Refusal::invalid_grant("the device code is unknown or used")),
    }
}
