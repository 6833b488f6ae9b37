//! Keycloak's roles: of the realm and of its clients, where one role may contain others.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::realm::Roles;

/// The member `roles` of an import file.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct RolesDocument {
    realm: Vec<RoleDocument>,
    client: BTreeMap<String, Vec<RoleDocument>>,
}

#[derive(Deserialize)]
struct RoleDocument {
    name: String,
    #[serde(default)]
    composites: Composites,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Composites {
    realm: Vec<String>,
    client: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum RoleName {
    Realm(String),
    Client(String, String),
}

/// Which role contains which.
pub(crate) struct RoleTree {
    contains: BTreeMap<RoleName, Vec<RoleName>>,
}

impl RoleTree {
    /// The roles of the file, on top of those that every Keycloak realm has.
    pub(crate) fn new(realm: &str, document: RolesDocument) -> Self {
        let mut contains = built_in(realm);
        let of_realm = document.realm.into_iter().map(|role| (RoleName::Realm(role.name), role.composites));
        let of_clients = document.client.into_iter().flat_map(|(client, roles)| {
            roles.into_iter().map(move |role| (RoleName::Client(client.clone(), role.name), role.composites))
        });
        for (name, composites) in of_realm.chain(of_clients) {
            let parts = composites.realm.into_iter().map(RoleName::Realm);
            let client_parts = composites.client.into_iter().flat_map(|(client, roles)| {
                roles.into_iter().map(move |role| RoleName::Client(client.clone(), role))
            });
            contains.insert(name, parts.chain(client_parts).collect());
        }
        Self { contains }
    }

    /// The roles given and all roles inside them.
    pub(crate) fn resolve(
        &self,
        realm: BTreeSet<String>,
        client: BTreeMap<String, BTreeSet<String>>,
    ) -> Roles {
        let mut pending: Vec<RoleName> = realm.into_iter().map(RoleName::Realm).collect();
        for (client, roles) in client {
            pending.extend(roles.into_iter().map(|role| RoleName::Client(client.clone(), role)));
        }
        let mut seen = BTreeSet::new();
        while let Some(role) = pending.pop() {
            if seen.insert(role.clone()) {
                pending.extend(self.contains.get(&role).into_iter().flatten().cloned());
            }
        }
        let mut resolved = Roles::default();
        for role in seen {
            match role {
                RoleName::Realm(role) => {
                    resolved.realm.insert(role);
                }
                RoleName::Client(client, role) => {
                    resolved.client.entry(client).or_default().insert(role);
                }
            }
        }
        resolved
    }
}

/// The composite roles that files take for granted.
fn built_in(realm: &str) -> BTreeMap<RoleName, Vec<RoleName>> {
    let client = |client: &str, role: &str| RoleName::Client(client.to_owned(), role.to_owned());
    let management = |role: &str| client("realm-management", role);
    BTreeMap::from([
        (
            RoleName::Realm(format!("default-roles-{realm}")),
            vec![
                RoleName::Realm("offline_access".to_owned()),
                RoleName::Realm("uma_authorization".to_owned()),
                client("account", "manage-account"),
                client("account", "view-profile"),
            ],
        ),
        (management("view-users"), vec![management("query-groups"), management("query-users")]),
        (
            management("realm-admin"),
            ["manage-users", "view-users", "view-clients", "view-realm", "query-clients", "query-realms"]
                .map(management)
                .into(),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(json: &str) -> RoleTree {
        RoleTree::new("r", serde_json::from_str(json).unwrap())
    }

    fn client_roles(client: &str, role: &str) -> BTreeMap<String, BTreeSet<String>> {
        BTreeMap::from([(client.to_owned(), BTreeSet::from([role.to_owned()]))])
    }

    #[test]
    fn the_realm_administrator_may_view_users() {
        let roles = tree("{}").resolve(BTreeSet::new(), client_roles("realm-management", "realm-admin"));
        assert!(roles.has_client_role("realm-management", "view-users"));
        assert!(roles.has_client_role("realm-management", "query-groups"));
    }

    #[test]
    fn composite_roles_of_the_file_are_resolved_in_circles_too() {
        let tree = tree(
            r#"{"realm":[{"name":"boss","composites":{"realm":["worker"],"client":{"api":["write"]}}},
                         {"name":"worker","composites":{"realm":["boss"]}}]}"#,
        );
        let roles = tree.resolve(BTreeSet::from(["worker".to_owned()]), BTreeMap::new());
        assert_eq!(roles.realm, ["boss", "worker"].map(str::to_owned).into());
        assert!(roles.has_client_role("api", "write"));
    }

    #[test]
    fn a_plain_role_gives_only_itself() {
        let roles = tree("{}").resolve(BTreeSet::new(), client_roles("realm-management", "query-users"));
        assert!(!roles.has_client_role("realm-management", "view-users"));
    }
}
