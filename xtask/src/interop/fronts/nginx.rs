//! nginx with `auth_request`.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::page::{self, Page};
use super::site::Site;
use crate::run::Server;

pub(crate) const HINT: &str = "nginx: install the distribution's package `nginx`";
/// Where the distribution's package puts it; not in everybody's path.
pub(crate) const PROGRAM: &str = "/usr/sbin/nginx";

/// Includes the page's block as whoever starts it, in a folder of its own.
const MAIN: &str = "\
daemon off;
pid nginx.pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    include api.conf;
}
";

pub(super) fn version() -> Result<String> {
    let output = Command::new(PROGRAM).arg("-v").output().context(HINT)?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(text.trim().rsplit('/').next().unwrap_or("unknown").to_owned())
}

pub(super) fn start(page: &Page, site: &Site) -> Result<Server> {
    page::write(
        site,
        "api.conf",
        &page.block("api.conf")?,
        &[
            ("listen 443 ", format!("listen {} ", site.front)),
            ("api.example.com;", "localhost;".to_owned()),
            ("/etc/ssl/api.example.com/", site.file("")),
            ("/etc/ssl/gateway-ca.pem", site.file("gateway-ca.pem")),
            ("gateway.example.com", "localhost".to_owned()),
            ("127.0.0.1:4456", site.gateway.to_string()),
            ("127.0.0.1:8081", site.upstream.address.to_string()),
        ],
    )?;
    std::fs::write(site.folder.join("nginx.conf"), MAIN)?;
    let mut command = Command::new(PROGRAM);
    command
        .arg("-p")
        .arg(&site.folder)
        .args(["-c", "nginx.conf"])
        .stderr(site.log("nginx")?)
        .stdin(Stdio::null());
    Server::start("nginx", &mut command, site.front).context(HINT)
}
