//! Answers that nobody reads: a connection whose client takes too little is cut.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// The least that a client must take, on average: 1 KiB a second.
const A_BYTE: Duration = Duration::from_nanos(1_000_000_000 / 1024);

/// A stream on which writing may wait for `within` in all; each byte that the client takes makes up for a 1024th of a
/// second. So a client that takes nothing is cut after `within`, one that takes a byte now and then hardly later, and one
/// that reads as slowly as the slowest phone never. Silence does not count: a stream of events may say nothing for hours.
pub(super) struct Timely {
    stream: TcpStream,
    within: Duration,
    /// For how long writing has waited that was not made up for.
    waited: Duration,
    waits: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Timely {
    pub(super) fn new(stream: TcpStream, within: Duration) -> Self {
        Self { stream, within, waited: Duration::ZERO, waits: None }
    }

    /// What came of writing, once the time that it took is counted.
    fn count(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = written else {
            let left = self.within.saturating_sub(self.waited);
            let (_, over) = self.waits.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
            ready!(over.as_mut().poll(cx));
            // What was not read is thrown away: the kernel does not go on offering it.
            let _ = self.stream.set_zero_linger();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        };
        if let Some((since, _)) = self.waits.take() {
            self.waited += since.elapsed();
        }
        if let Ok(bytes) = &written {
            self.waited = self.waited.saturating_sub(A_BYTE * u32::try_from(*bytes).unwrap_or(u32::MAX));
        }
        Poll::Ready(written)
    }
}

impl AsyncRead for Timely {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Timely {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        all: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, all);
        self.count(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
