//! From the command line to a server that serves.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Error, Result, anyhow, bail};
use mutoscope_std::input::{Argument, Inputs, Source, Spec, redact};
use mutoscope_std::media::{DEFAULT_RATE, Library};
use mutoscope_std::server::{self, MAX_URL_LEN, Options, Server};

use crate::args::Args;
use crate::{limits, signals};

/// Descriptors beside those of clients: standard streams, listener, UDP pair, poll, waker, files that were watched a moment ago.
const SPARE_FILES: u64 = 48;
/// Descriptors of an input: output and errors of a program, or a connection, and what tells it to end.
const FILES_OF_INPUT: u64 = 6;

/// Serves what the command line asks for until Ctrl-C. Errors are sentences for people.
pub(crate) fn run(args: &Args) -> Result<()> {
    let Media { paths, stills, specs } = Media::of(args)?;
    let record = specs.iter().any(|spec| matches!(spec.source(), Source::Push));
    // Before the files are looked for, which may take a while: a taken port should not be found out after that.
    let server = Server::bind(&Options { record, ..args.server_options() }).map_err(with_advice)?;
    let serving = Arc::new(AtomicBool::new(false));
    signals::handle_ctrl_c(server.stop_handle(), Arc::clone(&serving))?;

    let files = limits::raise_file_limit();
    let inputs = Inputs::from_specs(&specs, args.policy())?;
    let library = match (paths.is_empty() && stills.is_empty(), specs.is_empty()) {
        (true, true) => Some(Library::built_in(args.frame_rate.unwrap_or(DEFAULT_RATE))),
        (true, false) => None,
        (false, _) => Some(library_of(args, &paths, &stills)?),
    };
    let names: Vec<String> = inputs.names().chain(library.iter().flat_map(Library::names)).map(str::to_owned).collect();
    if let Some(name) = inputs.names().find(|name| library.iter().flat_map(Library::names).any(|other| other == *name))
    {
        bail!("both a file and an input are called {name:?}; give the input another name");
    }
    // Each client's connection, and the file that it watches; and the pipes of each input.
    let needed = 2 * args.max_clients as u64 + FILES_OF_INPUT * specs.len() as u64 + SPARE_FILES;
    if files < needed {
        log::warn!("the system allows {files} open files; {needed} would be needed for all clients");
    }
    for address in server.local_addrs().filter(|address| !address.ip().is_loopback()) {
        log::warn!("there is no authentication: whoever reaches {address} can watch");
    }
    let urls: Vec<String> = names.iter().flat_map(|name| server.urls(name)).collect();
    let lengths = names.iter().map(|name| (name, server.urls(name).map(|url| url.len()).max().unwrap_or(0)));
    for (name, len) in lengths.filter(|(_, len)| *len > MAX_URL_LEN) {
        log::warn!(
            "{name:?} can only be played by clients of the classic lab: its URL has {len} bytes, give it a shorter name"
        );
    }
    announce(urls)?;
    serving.store(true, Ordering::Release);
    match library {
        Some(library) => server.serve((inputs, library))?,
        None => server.serve(inputs)?,
    }
    Ok(())
}

/// Files, and folders of pictures.
fn library_of(args: &Args, paths: &[PathBuf], stills: &[Spec]) -> Result<Library> {
    let mut library = if paths.is_empty() {
        Library::new(args.frame_rate, args.policy())
    } else {
        Library::from_paths(paths, args.frame_rate, args.policy())?
    };
    for spec in stills {
        let parameters = spec.parameters();
        if let Source::Path(folder) = spec.source() {
            library.add_stills(spec.name(), folder, parameters.order.unwrap_or_default(), parameters.rate)?;
        }
    }
    Ok(library)
}

/// What the command line names, of all kinds.
#[derive(Debug, Default)]
pub(crate) struct Media {
    /// Files and folders.
    pub(crate) paths: Vec<PathBuf>,
    /// Folders of pictures that are one film.
    pub(crate) stills: Vec<Spec>,
    /// Live inputs.
    pub(crate) specs: Vec<Spec>,
}

impl Media {
    /// Tells them apart. Errors name the argument, without its secrets.
    pub(crate) fn of(args: &Args) -> Result<Self> {
        let mut media = Self::default();
        for argument in &args.media {
            match Argument::parse(argument.as_os_str()) {
                Ok(Argument::Path(path)) => media.paths.push(path),
                Ok(Argument::Spec(spec)) if matches!(spec.source(), Source::Path(path) if path.is_dir()) => {
                    media.stills.push(*spec);
                }
                Ok(Argument::Spec(spec)) => media.specs.push(*spec),
                Err(error) => bail!("{}: {error}", redact(&argument.to_string_lossy())),
            }
        }
        Ok(media)
    }
}

/// The library's errors, with the options of this program that help.
fn with_advice(error: server::Error) -> Error {
    let advice = match &error {
        server::Error::Listen { error, .. } => match error.kind() {
            io::ErrorKind::AddrInUse => ": stop what listens there, or choose another with --rtsp-port",
            io::ErrorKind::PermissionDenied => ": choose one above 1023",
            _ => "",
        },
        server::Error::Udp { port: Some(_), error } if error.kind() == io::ErrorKind::AddrInUse => {
            ": choose another with --server-port"
        }
        _ => "",
    };
    anyhow!("{error}{advice}")
}

/// One line per URL on standard output, for people to copy and programs to wait for. From a thread of its own: nobody may be
/// reading, and a pipe that is full of the URLs of a large folder is no reason not to serve.
fn announce(urls: Vec<String>) -> Result<()> {
    let write = move || {
        let mut out = io::stdout().lock();
        let _ = urls.iter().try_for_each(|url| writeln!(out, "{url}")).and_then(|()| out.flush());
    };
    thread::Builder::new().spawn(write).context("cannot start a thread")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn a_port_that_cannot_be_had_is_told_with_the_option_that_chooses_another() {
        let listen = |kind: io::ErrorKind| {
            let address = SocketAddr::from(([127, 0, 0, 1], 80));
            with_advice(server::Error::Listen { host: "localhost".into(), address, error: kind.into() }).to_string()
        };
        assert_eq!(
            listen(io::ErrorKind::AddrInUse),
            "port 80 of localhost is taken: stop what listens there, or choose another with --rtsp-port"
        );
        assert_eq!(listen(io::ErrorKind::PermissionDenied), "not allowed to listen on port 80: choose one above 1023");
        assert_eq!(listen(io::ErrorKind::AddrNotAvailable), "localhost is not an address of this machine");
        let udp = server::Error::Udp { port: Some(6970), error: io::ErrorKind::AddrInUse.into() };
        assert_eq!(
            with_advice(udp).to_string(),
            "UDP port 6970 or the one after it is taken: choose another with --server-port"
        );
    }
}
