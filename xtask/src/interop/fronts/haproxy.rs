//! HAProxy with a Lua action.

use std::process::Command;

use anyhow::{Context, Result};

use super::page::{self, Page};
use super::site::Site;
use crate::run::Server;

const HINT: &str = "haproxy: install the distribution's package `haproxy`";
/// Where the distribution's package puts it; not in everybody's path.
const PROGRAM: &str = "/usr/sbin/haproxy";

pub(super) fn version() -> Result<String> {
    let output = Command::new(PROGRAM).arg("-v").output().context(HINT)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().nth(2).and_then(|version| version.split('-').next());
    Ok(version.unwrap_or("unknown").to_owned())
}

pub(super) fn start(page: &Page, site: &Site) -> Result<Server> {
    start_with_action(page, site, &[])
}

/// HAProxy lets a request go on when an action fails; what must hold then is the page's line behind the action.
pub(super) fn start_with_a_failing_action(page: &Page, site: &Site) -> Result<Server> {
    start_with_action(page, site, &[("core.httpclient()", "core.no_such_client()".to_owned())])
}

fn start_with_action(page: &Page, site: &Site, changes: &[(&str, String)]) -> Result<Server> {
    page::write(site, "keybound.lua", &page.block("keybound.lua")?, changes)?;
    let headers = if page.is_full { " X-User,Authorization,Cookie" } else { " X-User,Authorization" };
    let gateway = if page.is_full { "10.0.0.7:4456" } else { "127.0.0.1:4456" };
    page::write(
        site,
        "haproxy.cfg",
        &page.block("haproxy.cfg")?,
        &[
            ("gateway.example.com", "localhost".to_owned()),
            (" X-User,Authorization", headers.to_owned()),
            ("bind :443 ", format!("bind {} ", site.front)),
            ("/etc/haproxy/keybound.lua", site.file("keybound.lua")),
            ("/etc/ssl/api.example.com/", site.file("")),
            ("/etc/ssl/gateway-ca.pem", site.file("gateway-ca.pem")),
            (gateway, site.gateway.to_string()),
            ("127.0.0.1:8081", site.upstream.address.to_string()),
        ],
    )?;
    let log = site.log("haproxy")?;
    let mut command = Command::new(PROGRAM);
    command.arg("-db").arg("-f").arg(site.file("haproxy.cfg")).stdout(log.try_clone()?).stderr(log);
    Server::start("haproxy", &mut command, site.front).context(HINT)
}
