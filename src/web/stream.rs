//! Streamed response bodies: files of any length with little memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// The number of pieces that may wait to be sent; the sender waits if there are more.
const WAITING: usize = 2;

/// The sender of a body. Dropping it ends the body normally, so a sender that cannot finish must call [`Pieces::fail`]:
/// otherwise an incomplete file looks complete.
#[derive(Debug)]
pub struct Pieces(mpsc::Sender<Result<Bytes, BoxError>>);

/// The client has disconnected.
#[derive(Debug, Clone, Copy)]
pub struct HungUp;

/// Creates a body and its sender.
pub fn streamed() -> (Pieces, Body) {
    let (pieces, taken) = mpsc::channel(WAITING);
    (Pieces(pieces), Body::new(Taken(taken)))
}

impl Pieces {
    /// Sends a piece, as soon as there is capacity.
    pub async fn put(&self, piece: impl Into<Bytes>) -> Result<(), HungUp> {
        self.0.send(Ok(piece.into())).await.map_err(|_| HungUp)
    }

    /// Aborts the response: the connection is closed midway, which every client notices.
    pub async fn fail(self, why: impl Into<BoxError>) {
        let _ = self.0.send(Err(why.into())).await;
    }
}

struct Taken(mpsc::Receiver<Result<Bytes, BoxError>>);

impl hyper::body::Body for Taken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.get_mut().0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_is_whole_or_it_fails() {
        let (pieces, body) = streamed();
        let all = tokio::spawn(body.collect());
        pieces.put("one\n").await.unwrap();
        pieces.put("two\n").await.unwrap();
        drop(pieces);
        assert_eq!(all.await.unwrap().unwrap().to_bytes(), "one\ntwo\n");

        let (pieces, body) = streamed();
        let all = tokio::spawn(body.collect());
        pieces.put("one\n").await.unwrap();
        pieces.fail("the database is gone").await;
        assert!(all.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn whoever_makes_the_pieces_is_told_when_nobody_takes_them() {
        let (pieces, body) = streamed();
        drop(body);
        assert!(pieces.put("one\n").await.is_err());
    }
}
