//! Dripped bodies: a body that arrives one byte at a time costs the process about its own size, on every route that takes one.

use std::fs;
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::binary::Installation;
use crate::process::connect;
use crate::visitors::routes;

/// Connections for each route: with all routes together fewer than one network may have.
const EACH: usize = 2;
/// The bytes of each body, each in a chunk of its own; less than any route allows.
const BYTES: usize = 300;
/// The pause between two bytes of a body: each is read alone, even by a busy machine.
const PAUSE: Duration = Duration::from_millis(5);
/// What all bodies together may cost, in KiB. Keeping the read buffer of each byte costs 4 KB a byte, 60 MB in all.
const AT_MOST: usize = 16 * 1024;

/// The memory that a process occupies, in KiB.
fn occupied(pid: Pid) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn bodies_that_arrive_byte_by_byte_cost_what_they_hold_on_every_route() {
    let here = Installation::new().await;
    let mut cartkey = here.serve().await;
    let set_up = cartkey.logged_line("/admin/setup/").await;
    let set_up = set_up.rsplit('/').next().unwrap().trim().to_owned();
    let link = here.run(&["link", "--user-id", "m"]).printed();
    let link = link.rsplit('/').next().unwrap().to_owned();
    let token = here.token("links:write,stores:write");

    let mut open = Vec::new();
    for (_, path) in routes().into_iter().filter(|(method, _)| method == "POST") {
        let link = if path.starts_with("/admin/setup/") { &set_up } else { &link };
        let real = path.replace("{link}", link).replace("{token}", &"A".repeat(43));
        let head = format!(
            "POST {real} HTTP/1.1\r\nHost: keys\r\nOrigin: http://localhost:8080\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        for _ in 0..EACH {
            let mut stream = connect(cartkey.listen).await;
            stream.set_nodelay(true).unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            open.push((path.clone(), stream));
        }
    }
    let mut each = tokio::time::interval(PAUSE);
    let (mut before, mut most) = (0, 0);
    for n in 0..BYTES {
        let mut goes_on = Vec::with_capacity(open.len());
        for (path, mut stream) in open {
            if !is_answered(&stream) && stream.write_all(b"1\r\nx\r\n").await.is_ok() {
                goes_on.push((path, stream));
            }
        }
        open = goes_on;
        each.tick().await;
        if n == BYTES / 10 {
            // Each request is with its handler by now: what it costs to have it there is not the body's.
            before = occupied(cartkey.pid());
        }
        most = most.max(occupied(cartkey.pid()));
    }
    let read: Vec<&str> = open.iter().map(|(path, _)| path.as_str()).collect();
    for path in ["/wc-auth/callback/{token}", "/connect", "/admin/sign-in", "/admin/setup/{link}", "/api/v1/links"] {
        assert!(read.contains(&path), "{path} was not read to its end: {read:?}");
    }
    assert!(most < before + AT_MOST, "{} KiB for {} bodies, at first {before} KiB", most - before, open.len());
    for (path, mut stream) in open {
        let mut answer = [0; 9];
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        stream.read_exact(&mut answer).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

/// Whether an answer is there before the body has ended: the route did not want to read it.
fn is_answered(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}
