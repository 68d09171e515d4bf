//! Printing: data on stdout, talk on stderr.

use std::fmt;
use std::io::{self, Write as _};

use crate::failure::{Failure, Result};

/// Prints data and a line end. A reader that went away (`| head`) is not a failure.
pub(crate) fn data(text: impl fmt::Display) -> Result {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("the output could not be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Tells the person at the terminal something.
pub(crate) fn talk(text: impl fmt::Display) {
    // Without a terminal nobody listens.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
