//! An answer's body that is made while it is sent: a file of any length in little memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// Pieces that may wait to be sent; whoever makes them waits when there are more.
const WAITING: usize = 2;

/// Where the pieces of a body are put. Dropped, the body ends; so that a file that was not finished does not look whole,
/// whoever cannot go on says so with [`Pieces::fail`].
#[derive(Debug)]
pub struct Pieces(mpsc::Sender<Result<Bytes, BoxError>>);

/// Nobody takes the pieces any more.
#[derive(Debug, Clone, Copy)]
pub struct HungUp;

/// A body, and where its pieces are put.
pub fn streamed() -> (Pieces, Body) {
    let (pieces, taken) = mpsc::channel(WAITING);
    (Pieces(pieces), Body::new(Taken(taken)))
}

impl Pieces {
    /// Puts one more piece, as soon as there is room for it.
    pub async fn put(&self, piece: impl Into<Bytes>) -> Result<(), HungUp> {
        self.0.send(Ok(piece.into())).await.map_err(|_| HungUp)
    }

    /// Ends when nobody takes the pieces any more.
    pub async fn hung_up(&self) {
        self.0.closed().await;
    }

    /// Breaks the answer off: the connection is closed in the middle, which every client notices.
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
