//! `cartkey doctor`: checks this installation and reports what to fix.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hyper::Method;

use crate::config::Config;
use crate::domain::{Clock, Entropy, Network};
use crate::flow::dashboard::diagnostics::{self, Depth, State};
use crate::serve;
use crate::woo::{Call, Client, Outgoing, Resolver};

/// How long a running service may take to answer `/livez`.
const LIVE_WITHIN: Duration = Duration::from_secs(4);

/// Requests the running service's `/livez` on loopback.
pub async fn live(config: &Config) -> anyhow::Result<()> {
    let mut address: SocketAddr = config.listen;
    if address.ip().is_unspecified() {
        let loopback =
            if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
        address.set_ip(loopback);
    }
    ask_livez(&format!("http://{address}")).await
}

/// Checks that a Cartkey answers at `base`.
async fn ask_livez(base: &str) -> anyhow::Result<()> {
    let outgoing = Outgoing {
        network: Network::PrivateToo,
        resolver: Resolver::System,
        extra_roots: Vec::new(),
        user_agent: "cartkey doctor".to_owned(),
        own_host: None,
    };
    let client = Client::new(outgoing, Clock::System, Entropy::System);
    let url = format!("{base}/livez");
    let call = Call {
        method: Method::GET,
        url: &url,
        headers: Vec::new(),
        body: Vec::new(),
        within: LIVE_WITHIN,
        at_most: 1_024,
    };
    let shown = base.strip_prefix("http://").unwrap_or(base);
    let reply = client.send(call).await.with_context(|| format!("no answer from {shown}"))?;
    if reply.status.as_u16() != 200 {
        bail!("{shown} answered {}", reply.status);
    }
    if reply.body != *b"ok\n" {
        bail!("{shown} is not Cartkey");
    }
    Ok(())
}

/// Checks the configuration, the database, the key ring and the public address, and prints the findings line by line.
pub async fn run(config: &Config, depth: Depth, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "ok    configuration")?;
    let app = serve::open_existing(config).await?;
    writeln!(out, "ok    key ring in {}", config.master_key)?;
    let findings = Box::pin(diagnostics::examine(&app, depth)).await;
    for finding in &findings {
        writeln!(out, "{:<5} {}", finding.state.as_str(), finding.says)?;
    }
    app.db.close().await;
    let bad = findings.iter().filter(|finding| finding.state == State::Bad).count();
    if bad > 0 {
        bail!("{bad} of these checks failed");
    }
    Ok(())
}
