//! What runs in a host's namespace: it answers on ports, and sends probes.
//!
//! In: the ports to listen on, and probes on standard input (`7 tcp 10.0.0.5 443`). Out: a line for each probe, as they
//! come: its number and `carried`, `opened`, `refused` or `lost`. Always: it ends when its input does, sends one
//! connection, datagram or ping for each line, and waits for an answer no longer than [`PATIENCE`].

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_millis(900);

/// Listens on an address and its ports, comma-separated, for TCP and UDP alike; then probes until the input ends.
pub fn run(options: &[String]) -> Result<(), String> {
    let [address, ports] = options else { return Err("an address and ports".into()) };
    let address: std::net::IpAddr = address.parse().map_err(|_| "an address that is none")?;
    for port in ports.split(',').filter_map(|port| port.parse::<u16>().ok()) {
        let tcp = TcpListener::bind((address, port)).map_err(|error| format!("port {port}: {error}"))?;
        std::thread::spawn(move || {
            tcp.incoming().flatten().for_each(|stream| drop(std::thread::spawn(|| echo(stream))))
        });
        let udp = UdpSocket::bind((address, port)).map_err(|error| format!("port {port}: {error}"))?;
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                drop(udp.send_to(buffer.get(..length).unwrap_or_default(), from));
            }
        });
    }
    let mut out = std::io::stdout();
    writeln!(out, "ready").map_err(|error| error.to_string())?;
    let probes = std::io::stdin().lock().lines().map_while(Result::ok).map(|line| {
        std::thread::spawn(move || {
            let parts: Vec<&str> = line.split(' ').collect();
            let (number, result) = match parts.as_slice() {
                [number, "tcp", address, port] => (*number, tcp(&format!("{address}:{port}"))),
                [number, "udp", address, port] => (*number, udp(&format!("{address}:{port}"))),
                [number, "icmp", address, _] => (*number, ping(address)),
                _ => ("-", "not understood"),
            };
            drop(writeln!(std::io::stdout(), "{number} {result}"));
        })
    });
    let running: Vec<_> = probes.collect();
    running.into_iter().for_each(|one| drop(one.join()));
    Ok(())
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 64];
    if let Ok(length) = stream.read(&mut buffer) {
        drop(stream.write_all(buffer.get(..length).unwrap_or_default()));
    }
}

fn tcp(to: &str) -> &'static str {
    let Ok(to) = to.parse::<SocketAddr>() else { return "not understood" };
    let mut stream = match TcpStream::connect_timeout(&to, PATIENCE) {
        Ok(stream) => stream,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => return "refused",
        Err(_) => return "lost",
    };
    drop(stream.set_read_timeout(Some(PATIENCE)));
    let mut buffer = [0; 8];
    let carried =
        stream.write_all(b"hello\n").is_ok() && matches!(stream.read(&mut buffer), Ok(length) if length > 0);
    if carried { "carried" } else { "opened" }
}

fn udp(to: &str) -> &'static str {
    let answered = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect(to)?;
        socket.send(b"hello\n")?;
        Ok(socket.recv(&mut [0; 8])? > 0)
    };
    if answered().unwrap_or(false) { "carried" } else { "lost" }
}

fn ping(to: &str) -> &'static str {
    let status = Command::new("ping")
        .args(["-c", "1", "-W", "1", "-n", to])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if status.is_ok_and(|status| status.success()) { "carried" } else { "lost" }
}
