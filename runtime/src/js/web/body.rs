//! Bodies that are not in an isolate's memory: [`BodyReader`] gives one to a script piece by piece, [`BodyWriter`]
//! takes one from a script. A pipe of both carries a script's stream to whoever sends it.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::arguments::{Arguments, object};
use crate::js::op::{Op, OpError, OpFuture, OpResult, OpTable, OpValue};
use crate::js::state::OpState;

pub(super) const OPS: OpTable = &[
    ("body_read", Op::Async(read)),
    ("body_cancel", Op::Sync(cancel)),
    ("body_of", Op::Sync(of)),
    ("body_pipe", Op::Sync(pipe_op)),
    ("body_write", Op::Async(write)),
    ("body_close", Op::Async(close)),
    ("body_fail", Op::Async(fail)),
];

/// Pieces of a body that wait for their reader.
const PIECES_MAX: usize = 4;

/// A body's bytes as they come, or why they ended early.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>>;

/// A body that is read once. Cheap to clone: all clones read the same.
#[derive(Clone)]
pub struct BodyReader {
    stream: Arc<Mutex<Option<BodyStream>>>,
    cancelled: CancellationToken,
}

impl std::fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyReader").finish_non_exhaustive()
    }
}

impl BodyReader {
    /// Reads a stream.
    pub fn new(stream: impl Stream<Item = Result<Bytes, String>> + Send + 'static) -> Self {
        let stream: BodyStream = Box::pin(stream);
        Self { stream: Arc::new(Mutex::new(Some(stream))), cancelled: CancellationToken::new() }
    }

    /// Reads bytes that are there already.
    pub fn of_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::new(futures_util::stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
    }

    /// Reads nothing until it is [filled](Self::fill).
    pub(super) fn unfilled() -> Self {
        Self { stream: Arc::default(), cancelled: CancellationToken::new() }
    }

    pub(super) async fn fill(&self, stream: BodyStream) {
        *self.stream.lock().await = Some(stream);
    }

    /// Stops reading; whoever waits gets an end.
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Settles when reading was stopped.
    pub(super) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// Why the body ended early.
    pub async fn next(&self) -> Result<Option<Bytes>, String> {
        let next = async {
            let mut stream = self.stream.lock().await;
            loop {
                match stream.as_mut() {
                    None => return Ok(None),
                    Some(open) => match open.next().await {
                        Some(Ok(bytes)) if bytes.is_empty() => {}
                        Some(Ok(bytes)) => return Ok(Some(bytes)),
                        end => {
                            *stream = None;
                            return end.map_or(Ok(None), |end| end.map(Some));
                        }
                    },
                }
            }
        };
        self.cancelled.run_until_cancelled(next).await.unwrap_or(Ok(None))
    }

    /// What is left, as a stream.
    pub fn into_stream(self) -> BodyStream {
        Box::pin(futures_util::stream::unfold(self, |reader| async move {
            let item = reader.next().await.transpose()?;
            Some((item, reader))
        }))
    }
}

/// Takes a body from a script.
#[derive(Clone, Debug)]
pub struct BodyWriter(mpsc::Sender<Result<Bytes, String>>);

/// A writer, and the reader that gets what it writes.
pub fn pipe() -> (BodyWriter, BodyReader) {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    // A body that was neither closed nor failed was cut off: its last item says so.
    (BodyWriter(sender), BodyReader::new(until_closed(pieces)))
}

/// An empty piece is how a writer says that nothing is missing.
fn until_closed(
    pieces: impl Stream<Item = Result<Bytes, String>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, String>> + Send + 'static {
    futures_util::stream::unfold(Some(Box::pin(pieces)), |pieces| async move {
        let mut pieces = pieces?;
        match pieces.next().await {
            None => Some((Err("The body was cut off.".to_owned()), None)),
            Some(Ok(bytes)) if bytes.is_empty() => None,
            Some(Err(error)) => Some((Err(error), None)),
            Some(bytes) => Some((bytes, Some(pieces))),
        }
    })
}

/// `(reader)` → the next bytes, or `null`.
fn read(state: &mut OpState, args: Vec<OpValue>) -> OpFuture {
    let reader =
        Arguments::new(args).whole().map(|number| state.resources.get_mut::<BodyReader>(number).cloned());
    Box::pin(async move {
        let Some(reader) = reader? else { return Ok(OpValue::Null) };
        match reader.next().await {
            Ok(bytes) => Ok(bytes.map_or(OpValue::Null, |bytes| OpValue::Bytes(bytes.into()))),
            Err(error) => Err(OpError::type_error(error)),
        }
    })
}

/// `(reader)`: stops reading.
fn cancel(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    if let Some(reader) = state.resources.take::<BodyReader>(Arguments::new(args).whole()?) {
        reader.cancel();
    }
    Ok(OpValue::Undefined)
}

/// `(bytes)` → the number of a reader of them.
fn of(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let bytes = Arguments::new(args).bytes()?;
    Ok(OpValue::Number(f64::from(state.resources.add(BodyReader::of_bytes(bytes)))))
}

/// `{ reader, writer }`, the numbers of both.
fn pipe_op(state: &mut OpState, _: Vec<OpValue>) -> OpResult {
    let (writer, reader) = pipe();
    let number = |number: u32| OpValue::Number(f64::from(number));
    let reader = number(state.resources.add(reader));
    let writer = number(state.resources.add(writer));
    Ok(object([("reader", reader), ("writer", writer)]))
}

/// `(writer, bytes)` → whether anybody still reads. Settles when there is room for more.
fn write(state: &mut OpState, args: Vec<OpValue>) -> OpFuture {
    let mut args = Arguments::new(args);
    let taken = args.whole().and_then(|number| Ok((number, args.bytes()?)));
    let taken = taken.map(|(number, bytes)| (state.resources.get_mut::<BodyWriter>(number).cloned(), bytes));
    Box::pin(async move {
        let (Some(BodyWriter(sender)), bytes) = taken? else { return Ok(OpValue::Bool(false)) };
        Ok(OpValue::Bool(bytes.is_empty() || sender.send(Ok(bytes.into())).await.is_ok()))
    })
}

/// `(writer)`: nothing is missing.
fn close(state: &mut OpState, args: Vec<OpValue>) -> OpFuture {
    let writer = Arguments::new(args).whole().map(|number| state.resources.take::<BodyWriter>(number));
    Box::pin(async move {
        if let Some(BodyWriter(sender)) = writer? {
            // Nobody may be reading any more.
            let _ = sender.send(Ok(Bytes::new())).await;
        }
        Ok(OpValue::Undefined)
    })
}

/// `(writer, message)`: the rest will not come.
fn fail(state: &mut OpState, args: Vec<OpValue>) -> OpFuture {
    let mut args = Arguments::new(args);
    let taken = args.whole().and_then(|number| Ok((number, args.text()?)));
    let taken = taken.map(|(number, message)| (state.resources.take::<BodyWriter>(number), message));
    Box::pin(async move {
        if let (Some(BodyWriter(sender)), message) = taken? {
            // Nobody may be reading any more.
            let _ = sender.send(Err(message)).await;
        }
        Ok(OpValue::Undefined)
    })
}
