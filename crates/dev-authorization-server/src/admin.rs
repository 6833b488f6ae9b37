//! The one call of Keycloak's admin API that is offered: listing the users of a realm.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use serde_json::{Map, Value, json};

use crate::{app::ServedRealm, call::Call, parameters::Parameters, protected, realm::User};

/// Users per answer when the request does not say, as at Keycloak.
const DEFAULT_MAX: usize = 100;

/// `GET /admin/realms/{realm}/users?first=&max=&search=&username=&email=`, for whoever has the role `view-users` of `realm-management`.
pub(crate) async fn handle_users(call: Call) -> Response {
    let served = &*call.served;
    let verified = match protected::enter(&call, &served.admin).await {
        Ok(verified) => verified,
        Err(answer) => return answer,
    };
    if !may_view_users(&verified.claims) {
        return refuse(StatusCode::FORBIDDEN, "HTTP 403 Forbidden");
    }
    let Ok(query) = Parameters::parse(call.query.as_bytes()) else {
        return refuse(StatusCode::BAD_REQUEST, "a parameter is given more than once");
    };
    let number = |name: &str, default: usize| query.get(name).map_or(Some(default), |text| text.parse().ok());
    let (Some(first), Some(max)) = (number("first", 0), number("max", DEFAULT_MAX)) else {
        return refuse(StatusCode::BAD_REQUEST, "first and max must be numbers");
    };
    let users: Vec<Value> = matching(served, &query).skip(first).take(max).map(representation).collect();
    protected::answer(&Value::Array(users), &verified)
}

/// The token's own statement counts, as at Keycloak: roles withdrawn later take effect with the next token.
fn may_view_users(claims: &Map<String, Value>) -> bool {
    let roles = claims
        .get("resource_access")
        .and_then(|access| access.get("realm-management"))
        .and_then(|access| access.get("roles"))
        .and_then(Value::as_array);
    roles.is_some_and(|roles| roles.iter().any(|role| role == "view-users"))
}

/// People in the order of their names; service accounts are not listed.
fn matching<'a>(served: &'a ServedRealm, query: &Parameters) -> impl Iterator<Item = &'a User> {
    let wanted = |name: &str| query.get(name).map(str::to_lowercase);
    let (search, username, email) = (wanted("search"), wanted("username"), wanted("email"));
    served.realm.users.values().filter(move |user| {
        let contains = |value: Option<&String>, part: &String| {
            value.is_some_and(|value| value.to_lowercase().contains(part))
        };
        let found = search.as_ref().is_none_or(|part| {
            [Some(&user.username), user.email.as_ref(), user.first_name.as_ref(), user.last_name.as_ref()]
                .into_iter()
                .any(|value| contains(value, part))
        });
        user.service_account_of.is_none()
            && found
            && username.as_ref().is_none_or(|part| contains(Some(&user.username), part))
            && email.as_ref().is_none_or(|part| contains(user.email.as_ref(), part))
    })
}

fn representation(user: &User) -> Value {
    let mut representation = json!({
        "id": user.id,
        "username": user.username,
        "emailVerified": user.email_verified,
        "enabled": user.enabled,
        "totp": false,
        "disableableCredentialTypes": [],
        "requiredActions": [],
        "notBefore": 0,
        "access": {
            "manageGroupMembership": false,
            "view": true,
            "mapRoles": false,
            "impersonate": false,
            "manage": false,
        },
    });
    if let Some(members) = representation.as_object_mut() {
        let texts = [("firstName", &user.first_name), ("lastName", &user.last_name), ("email", &user.email)];
        for (name, text) in texts {
            if let Some(text) = text {
                members.insert(name.to_owned(), text.clone().into());
            }
        }
        if let Some(created) = user.created_at_milliseconds {
            members.insert("createdTimestamp".to_owned(), created.into());
        }
        if !user.attributes.is_empty() {
            members.insert("attributes".to_owned(), Value::Object(user.attributes.clone()));
        }
    }
    representation
}

fn refuse(status: StatusCode, text: &str) -> Response {
    let mut response = (status, axum::Json(json!({ "error": text }))).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
