//! WooCommerce's own clients, unmodified, with the service token where a store expects the consumer secret.

use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use tokio::net::TcpListener;

use super::*;
use crate::samples::is_passed_over;
use crate::world::terminate_tls;

const IN_PYTHON: &str = "
import os
from woocommerce import API
for by_query in [False, True]:
    woo = API(url=os.environ['STORE'], consumer_key='any', consumer_secret=os.environ['TOKEN'], version='wc/v3',
              query_string_auth=by_query)
    page = 1
    while True:
        answer = woo.get('orders', params={'page': page, 'status': ['any', 'trash']})
        assert answer.status_code == 200, answer.text
        print('order', answer.json()[0]['id'], answer.headers['X-WP-Total'])
        if page == int(answer.headers['X-WP-TotalPages']):
            break
        page += 1
    answer = woo.post('products', {'name': 'Blue cup'})
    assert answer.status_code == 201, answer.text
    print(answer.json()['name'])
";

const IN_JAVASCRIPT: &str = "
const Api = require('@woocommerce/woocommerce-rest-api').default;
(async () => {
  for (const queryStringAuth of [false, true]) {
    const { STORE: url, TOKEN: consumerSecret } = process.env;
    const woo = new Api({ url, consumerKey: 'any', consumerSecret, version: 'wc/v3', queryStringAuth });
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const answer = await woo.get('orders', { page });
      pages = Number(answer.headers['x-wp-totalpages']);
      console.log('order', answer.data[0].id, answer.headers['x-wp-total']);
    }
    console.log((await woo.post('products', { name: 'Blue cup' })).data.name);
  }
})().catch((error) => { console.error(error.response ? error.response.data : error); process.exit(1); });
";

/// The folder of `scripts/woocommerce-clients`, which `WOOCOMMERCE_CLIENTS` names.
fn clients() -> Option<String> {
    let folder = std::env::var("WOOCOMMERCE_CLIENTS").unwrap_or_default();
    let there = !folder.is_empty() || is_passed_over("WOOCOMMERCE_CLIENTS is not set: run scripts/woocommerce-clients");
    (there && !folder.is_empty()).then_some(folder)
}

/// Runs a client against each kind of store.
async fn goes_round(program: &str, script: &[&str], folder: &str) {
    type Kind = fn(&mut Switches);
    let kinds: [Kind; 2] = [|_| (), |s| s.notices = true];
    for (method, kind) in AuthMethod::LADDER.iter().flat_map(|method| kinds.map(|kind| (*method, kind))) {
        let called = Called::with(|s| *s = Switches { orders: 2, ..only(method) }).await;
        called.world.shop.switch(kind);
        let inner = called.world.also(|_| ()).await.trim_start_matches("http://").parse().unwrap();
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = front.local_addr().unwrap().port();
        tokio::spawn(terminate_tls(front, Arc::clone(&called.world.tls), inner));
        let root = called.world.folder.path().join("root.pem");
        let pem = base64::engine::general_purpose::STANDARD.encode(&called.world.root);
        std::fs::write(&root, format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n")).unwrap();
        let mut command = Command::new(program);
        command
            .args(script)
            .env("PYTHONPATH", format!("{folder}/python"))
            .env("NODE_PATH", format!("{folder}/node_modules"));
        command.env("REQUESTS_CA_BUNDLE", &root).env("NODE_EXTRA_CA_CERTS", &root);
        command.env("STORE", format!("https://localhost:{port}/api/v1/stores/{}", called.id));
        command.env("TOKEN", &called.service.token);
        let begun = called.asked();
        let ran = tokio::task::spawn_blocking(move || command.output().expect("it starts")).await.unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{method:?}: {said} {}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(said, "order 1 2\norder 2 2\nBlue cup\n".repeat(2), "{method:?}");
        let reached = called.reached(begun);
        assert_eq!(reached.len(), 6, "each was sent once: {reached:?}");
        assert!(!reached.join(" ").contains(&called.service.token), "{method:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_client_from_pypi_calls_every_kind_of_store() {
    if let Some(folder) = clients() {
        goes_round("python3", &["-c", IN_PYTHON], &folder).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_client_from_npm_calls_every_kind_of_store() {
    if let Some(folder) = clients() {
        goes_round("node", &["-e", IN_JAVASCRIPT], &folder).await;
    }
}
