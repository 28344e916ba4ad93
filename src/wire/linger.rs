//! How a connection to a client is closed, so that the last that was written to it arrives.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::{Instant, timeout, timeout_at};

use super::Socket;

/// How long a client may go on sending after the last answer, and how long it may be silent
/// (the figures of nginx's `lingering_time` and `lingering_timeout`).
pub(super) const LINGER: Duration = Duration::from_secs(30);
const LINGER_SILENT: Duration = Duration::from_secs(5);

/// Ends a connection in stages (RFC 9112 §9.6): says that no more comes, and discards for a bounded time
/// what the client still sends, for as long as `is_more_coming`: the kernel resets a connection that is closed with
/// bytes unread, and a reset destroys an answer on its way.
pub(super) async fn linger<S: Socket>(socket: &RefCell<S>, is_more_coming: impl AsyncFn() -> bool) {
    let until = Instant::now() + LINGER;
    let ended = async {
        poll_fn(|cx| Pin::new(&mut *socket.borrow_mut()).poll_flush(cx)).await?;
        poll_fn(|cx| Pin::new(&mut *socket.borrow_mut()).poll_shutdown(cx)).await?;
        let mut scrap = vec![0; 16 * 1024];
        while is_more_coming().await {
            match timeout(LINGER_SILENT, discard(socket, &mut scrap)).await {
                Ok(Ok(0)) | Ok(Err(_)) | Err(_) => break,
                Ok(Ok(_)) => {}
            }
        }
        io::Result::Ok(())
    };
    // A client that is gone has no use for a staged close.
    let _ = timeout_at(until, ended).await;
}

async fn discard<S: Socket>(socket: &RefCell<S>, scrap: &mut [u8]) -> io::Result<usize> {
    let mut scrap = ReadBuf::new(scrap);
    poll_fn(|cx| Pin::new(&mut *socket.borrow_mut()).poll_read(cx, &mut scrap)).await?;
    Ok(scrap.filled().len())
}
