//! The state machine: what each event means in each state. Pure.

/// Where an IO is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Can be opened.
    Closed,
    /// `wsio_open` is running: whatever fails, it fails, and no callback is
    /// called.
    Connecting,
    /// `wsio_open` has returned 0, and `on_io_open_complete` is owed.
    Opening,
    /// Bytes can be sent and received.
    Open,
    /// Was open and has failed; `on_io_error` has been called.
    Lost,
    /// `wsio_close` or `wsio_destroy` is running.
    Closing,
}

/// What can happen to an IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The WebSocket handshake is done.
    Established,
    /// The connection is over, or will never be.
    Ended,
    /// Something can be sent.
    Writeable,
    /// Bytes have come.
    Received,
    /// lws wants the trusted certificates.
    CertificatesWanted,
    /// Something went wrong that the IO cannot go on after.
    Fault,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Nothing,
    /// The running `wsio_open` is to fail.
    FailConnecting,
    /// Report IO_OPEN_OK.
    ReportOpen,
    /// Drop the connection and report IO_OPEN_ERROR.
    ReportOpenError,
    /// Report the error, once.
    ReportIoError,
    /// Send what is pending.
    Send,
    /// Pass on the bytes.
    Deliver,
    /// Load the certificates; a failure is a [`Input::Fault`].
    LoadCertificates,
}

impl State {
    /// The state after `input`, and what it asks for.
    pub(crate) fn on(self, input: Input) -> (Self, Reaction) {
        use Input::*;
        use Reaction::*;
        match (self, input) {
            // SRS_WSIO_01_129
            (Self::Connecting | Self::Opening, CertificatesWanted) => (self, LoadCertificates),
            (Self::Connecting, _) => (Self::Closed, FailConnecting),

            // SRS_WSIO_01_066
            (Self::Opening, Established) => (Self::Open, ReportOpen),
            // SRS_WSIO_01_037, SRS_WSIO_01_069, SRS_WSIO_01_121, SRS_WSIO_01_122
            (Self::Opening, Ended | Writeable | Received | Fault) => {
                (Self::Closed, ReportOpenError)
            }

            (Self::Open, Writeable) => (self, Send), // SRS_WSIO_01_120
            (Self::Open, Received) => (self, Deliver), // SRS_WSIO_01_082
            // SRS_WSIO_01_068, SRS_WSIO_01_070, SRS_WSIO_01_130
            (Self::Open, Established | Ended | CertificatesWanted | Fault) => {
                (Self::Lost, ReportIoError)
            }

            (Self::Closed | Self::Lost | Self::Closing, _) => (self, Nothing),
        }
    }

    /// Why `wsio_open` cannot be done now. SRS_WSIO_01_034, SRS_WSIO_01_035
    pub(crate) fn refuses_open(self) -> Option<&'static str> {
        match self {
            Self::Closed => None,
            Self::Connecting | Self::Opening => Some("the IO is being opened already"),
            Self::Open => Some("the IO is open already"),
            Self::Lost => Some("the IO has failed and was not closed"),
            Self::Closing => Some("the IO is being closed"),
        }
    }

    /// Why `wsio_close` cannot be done now. SRS_WSIO_01_045, SRS_WSIO_01_046
    pub(crate) fn refuses_close(self) -> Option<&'static str> {
        match self {
            Self::Opening | Self::Open | Self::Lost => None, // SRS_WSIO_01_041
            Self::Closed | Self::Connecting => Some("the IO is not open"),
            Self::Closing => Some("the IO is being closed already"),
        }
    }

    /// Why `wsio_send` cannot be done now. SRS_WSIO_01_051
    pub(crate) fn refuses_send(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Lost => Some("the IO has failed"),
            _ => Some("the IO is not open"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Input::*;
    use super::*;

    const STATES: [State; 6] = [
        State::Closed,
        State::Connecting,
        State::Opening,
        State::Open,
        State::Lost,
        State::Closing,
    ];
    const INPUTS: [Input; 6] = [Established, Ended, Writeable, Received, CertificatesWanted, Fault];

    /// SRS_WSIO_01_066, SRS_WSIO_01_069, SRS_WSIO_01_121, SRS_WSIO_01_122
    #[test]
    fn an_open_is_answered_once() {
        for first in INPUTS {
            let (state, reaction) = State::Opening.on(first);
            let answered = matches!(reaction, Reaction::ReportOpen | Reaction::ReportOpenError);
            assert_eq!(answered, state != State::Opening, "{first:?}");
            assert_eq!(reaction == Reaction::ReportOpen, first == Established);
            for second in INPUTS {
                let (_, again) = state.on(second);
                if answered {
                    assert!(
                        !matches!(again, Reaction::ReportOpen | Reaction::ReportOpenError),
                        "{first:?} then {second:?}"
                    );
                }
            }
        }
    }

    /// SRS_WSIO_01_068, SRS_WSIO_01_070, SRS_WSIO_01_117, SRS_WSIO_01_130
    #[test]
    fn an_io_error_is_reported_once() {
        for first in [Established, Ended, CertificatesWanted, Fault] {
            let (state, reaction) = State::Open.on(first);
            assert_eq!((state, reaction), (State::Lost, Reaction::ReportIoError), "{first:?}");
            for second in INPUTS {
                assert_eq!(state.on(second), (State::Lost, Reaction::Nothing), "{second:?}");
            }
        }
    }

    #[test]
    fn a_running_open_reports_nothing() {
        for input in INPUTS {
            let (state, reaction) = State::Connecting.on(input);
            if input == CertificatesWanted {
                assert_eq!((state, reaction), (State::Connecting, Reaction::LoadCertificates));
            } else {
                assert_eq!((state, reaction), (State::Closed, Reaction::FailConnecting));
            }
        }
    }

    /// SRS_WSIO_01_082, SRS_WSIO_01_120
    #[test]
    fn only_an_open_io_sends_and_receives() {
        for state in STATES {
            let open = state == State::Open;
            assert_eq!(state.on(Writeable).1 == Reaction::Send, open, "{state:?}");
            assert_eq!(state.on(Received).1 == Reaction::Deliver, open, "{state:?}");
            assert_eq!(state.refuses_send().is_none(), open, "{state:?}");
        }
    }

    /// SRS_WSIO_01_034, SRS_WSIO_01_035, SRS_WSIO_01_045, SRS_WSIO_01_046
    #[test]
    fn open_and_close_have_their_states() {
        for state in STATES {
            assert_eq!(state.refuses_open().is_none(), state == State::Closed, "{state:?}");
            let closes = matches!(state, State::Opening | State::Open | State::Lost);
            assert_eq!(state.refuses_close().is_none(), closes, "{state:?}");
        }
    }

    #[test]
    fn nothing_happens_to_what_is_closed_or_lost() {
        for state in [State::Closed, State::Lost, State::Closing] {
            for input in INPUTS {
                assert_eq!(state.on(input), (state, Reaction::Nothing));
            }
        }
    }
}
