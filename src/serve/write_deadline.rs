//! Write deadline: closes a connection whose client reads too slowly.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// The slowest that a client may read, on average: 1 KiB a second.
const A_BYTE: Duration = Duration::from_nanos(1_000_000_000 / 1024);

/// A stream on which writes may wait for `within` in total; each byte that the client reads earns back 1/1024 of a second.
/// A client that reads nothing is cut off after `within`, one that reads a byte now and then hardly later, and one that reads
/// at the speed of a very slow phone never. Idle time does not count: an event stream may be silent for hours.
pub(super) struct Timely {
    stream: TcpStream,
    within: Duration,
    /// How long writes have waited, less what was earned back.
    waited: Duration,
    waits: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Timely {
    pub(super) fn new(stream: TcpStream, within: Duration) -> Self {
        Self { stream, within, waited: Duration::ZERO, waits: None }
    }

    /// Adds the time that this write waited, and passes on its result.
    fn count(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = written else {
            let left = self.within.saturating_sub(self.waited);
            let (_, over) = self.waits.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
            ready!(over.as_mut().poll(cx));
            // Discard what was not read, so that the kernel stops trying to send it.
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
