/// Flags that several commands share, defined once.
package enum CommonFlags {
    package static let quiet = Flag.bool(
        "quiet", short: "q", "Print no progress and no notes, only results and errors."
    ).common
    package static let config = Flag<String?>.text(
        "config", "FILE", as: .file,
        "A file of settings: NAME = VALUE a line, under the names of flags or of their variables, which both go before it."
    ).common
    static let logLevel = Flag<String>.text(
        "log-level", "LEVEL", as: .choice(["debug", "info", "notice", "warning", "error"], reserved: []),
        default: "info",
        "The least weight of the log records that go to standard error."
    ).common
    static let logFormat = Flag<String>.text(
        "log-format", "FORMAT", as: .choice(["text", "json"], reserved: []), default: "text",
        "How log records are written: lines for people, or a JSON object a line."
    ).common

    package static let json = Flag.bool("json", "Print JSON instead of text for people.").common
    package static let coordinator = Flag<String>.text(
        "coordinator", "URL", as: .url, default: "http://127.0.0.1:8080", "The coordinator to talk to."
    ).environment("MUSTER_URL").common
    package static let token = Flag<String?>.text(
        "token", "TOKEN", as: .secret,
        "The token to show. Better set by the variable: other users of the machine can read a command line."
    ).defaulting(to: "for a coordinator on this machine, the one in its data directory").common
    package static let tlsCA = Flag<String?>.text(
        "tls-ca", "FILE", as: .file,
        "Certificates (PEM) to trust instead of the system's, for a coordinator at an https URL."
    ).common

    /// Of every command that is a member of a fleet.
    package static let noWebSocket = Flag.bool(
        "no-websocket",
        "Hear the coordinator over a stream and tell it by requests. Without this a WebSocket is tried, and that where none gets through."
    )

    package static let dataDefault = "./muster-data"
    package static let data = Flag<String>.text(
        "data", "DIR", as: .directory, default: dataDefault,
        "Where the process keeps its files; each role has a folder of its own in it, which is made if missing.")
    package static func port(default port: Int) -> Flag<Int> {
        Flag<Int>.int(
            "port", "N", in: 0...65_535, default: port,
            "The TCP port to listen on; 0 takes any free one. The address is printed as 'listening on URL'.")
    }
    /// All addresses to listen on; one or more.
    package static let hosts = Flag<[String]>(
        FlagSpec(
            "host", short: nil, metavar: "ADDR", kind: .addresses,
            summary: "The address to listen on: 127.0.0.1 serves this machine only, 0.0.0.0 every network it is on, :: "
                + "the same over IPv6 and IPv4.", defaultValue: .texts(["127.0.0.1"]), defaultText: "127.0.0.1")
    ) { $0?.asTexts ?? ["127.0.0.1"] }
    /// The first of them, by which the process is told of.
    package static let host = Flag<String>(hosts.spec) { $0?.asTexts?.first ?? "127.0.0.1" }
    package static let tlsCert = Flag<String?>.text(
        "tls-cert", "FILE", as: .file, "The certificate chain (PEM) to serve HTTPS with, instead of HTTP.")
    package static let tlsKey = Flag<String?>.text("tls-key", "FILE", as: .file, "The private key (PEM) of --tls-cert.")

    /// For every command that runs.
    package static let always = [config.spec, quiet.spec, logLevel.spec, logFormat.spec]
    /// For every command that asks the coordinator something.
    package static let client = [json.spec, coordinator.spec, token.spec, tlsCA.spec] + always

    /// The exit codes of whatever asks the coordinator something.
    package static let clientExits: [Command.Exit] = [
        Command.Exit(.data), Command.Exit(.unavailable), Command.Exit(.internalError), Command.Exit(.inputOutput),
        Command.Exit(.temporary), Command.Exit(.noPermission),
    ]

    /// A job's number, as `submit` printed it.
    package static let jobID = Positional.int("ID", in: 1...Int.max, "The job's number, as 'muster submit' printed it.")
}
