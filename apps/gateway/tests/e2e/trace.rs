//! [`Trace`]: what processes asked of the kernel, and when, as `strace` saw it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::process::{Pid, Signal, kill_process};

use crate::waiting::PATIENCE;

/// What is traced: writes and syncs of files, and what goes over sockets.
const CALLS: &str = "trace=fsync,fdatasync,sync_file_range,write,pwrite64,writev,pwritev,sendto,sendmsg,recvfrom,read";

/// A system call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// The thread.
    pub(crate) thread: u32,
    /// Its name.
    pub(crate) name: String,
    /// The file or socket behind its first argument.
    pub(crate) file: String,
    /// The bytes that it carried.
    pub(crate) data: Vec<u8>,
    /// When it began and ended, in microseconds.
    pub(crate) began: u64,
    /// See `began`.
    pub(crate) ended: u64,
}

impl Call {
    /// Whether it waits for the disk.
    pub(crate) fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    /// Whether it writes to a file or socket.
    pub(crate) fn is_write(&self) -> bool {
        matches!(self.name.as_str(), "write" | "pwrite64" | "writev" | "pwritev" | "sendto" | "sendmsg")
    }

    /// Whether it carried this.
    pub(crate) fn carries(&self, text: &str) -> bool {
        self.data.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

/// A trace that is being taken.
pub(crate) struct Trace {
    strace: Child,
    output: tempfile::NamedTempFile,
    _messages: Receiver<String>,
}

impl Trace {
    /// Attaches to processes, their threads, and whatever these start.
    pub(crate) fn attach(processes: &[u32]) -> Self {
        let output = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("strace");
        command.args(["-f", "-ttt", "-T", "-y", "-xx", "-s", "100000", "-e", CALLS, "-o"]).arg(output.path());
        for process in processes {
            command.args(["-p", &process.to_string()]);
        }
        let mut strace = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is there: apt-get install --yes strace");
        let stderr = BufReader::new(strace.stderr.take().unwrap());
        let (say, messages) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        for attached in 0..processes.len() {
            let said = messages.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("strace attached to {attached} only"));
            assert!(said.contains(" attached"), "strace may not look at these processes: {said}");
        }
        Self { strace, output, _messages: messages }
    }

    /// Lets go of the processes, and gives what they did.
    pub(crate) fn end(mut self) -> Vec<Call> {
        kill_process(Pid::from_child(&self.strace), Signal::INT).unwrap();
        self.strace.wait().unwrap();
        parse(&std::fs::read_to_string(self.output.path()).unwrap())
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // A trace that was ended has ended already.
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// Reads `strace`'s lines. A call that others interrupted stands on two: begun, and resumed.
fn parse(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut begun: HashMap<&str, (u64, String)> = HashMap::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((time, rest)) = rest.trim_start().split_once(' ') else { continue };
        let Some(time) = micros(time) else { continue };
        if let Some(head) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread, (time, head.to_owned()));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (Some((began, head)), Some((_, tail))) = (begun.remove(thread), resumed.split_once(" resumed>")) else {
                continue;
            };
            calls.extend(call(thread, began, &format!("{head}{tail}")));
        } else {
            calls.extend(call(thread, time, rest));
        }
    }
    calls.sort_by_key(|call| call.began);
    calls
}

/// Reads `name(args) = result <duration>`; only what succeeded counts.
fn call(thread: &str, began: u64, text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, ending) = rest.rsplit_once(" = ")?;
    let (result, took) = ending.rsplit_once(" <")?;
    if result.trim_start().starts_with('-') {
        return None;
    }
    let took = micros(took.strip_suffix('>')?)?;
    let file = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(file, _)| bytes(file));
    Some(Call {
        thread: thread.parse().ok()?,
        name: name.to_owned(),
        file: String::from_utf8_lossy(&file.unwrap_or_default()).into_owned(),
        // Between every other pair of quotes; all that is not plain is escaped, quotes included.
        data: arguments.split('"').skip(1).step_by(2).flat_map(bytes).collect(),
        began,
        ended: began + took,
    })
}

/// Bytes written as `\x48\x54`.
fn bytes(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok()).collect()
}

/// Seconds with six digits behind the point.
fn micros(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000 + fraction.get(..6)?.parse::<u64>().ok()?)
}

#[test]
fn reads_what_strace_writes() {
    let text = "7 10.000001 pwrite64(3<\\x2f\\x77>, \"\\x61\\x62\", 2, 0) = 2 <0.000004>\n\
        8 10.000002 fdatasync(3<\\x2f\\x77> <unfinished ...>\n\
        7 10.000003 write(4<\\x73>, \"\", 0) = -1 EPIPE (Broken pipe) <0.000001>\n\
        7 10.000008 writev(4<\\x73>, [{iov_base=\"\\x68\", iov_len=1}, {iov_base=\"\\x69\", iov_len=1}], 2) = 2 <0.000001>\n\
        8 10.000010 <... fdatasync resumed>) = 0 <0.000009>\n";
    let calls = parse(text);
    let seen: Vec<_> = calls.iter().map(|call| (call.thread, call.name.as_str(), call.began, call.ended)).collect();
    let at = |offset: u64| 10_000_000 + offset;
    assert_eq!(seen, [(7, "pwrite64", at(1), at(5)), (8, "fdatasync", at(2), at(11)), (7, "writev", at(8), at(9))]);
    assert_eq!((calls[0].file.as_str(), calls[0].data.as_slice()), ("/w", b"ab".as_slice()));
    assert!(calls[2].carries("hi") && calls[1].is_sync());
}
