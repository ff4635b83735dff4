internal import CPostgres
package import MusterStore

/// A database as people name it: `postgres://[user[:password]@]host[:port][,host…][/database][?setting=value&…]`, with all settings
/// that libpq knows. What it leaves out comes from where libpq looks: variables (`PGUSER`, …), `PGPASSFILE`, service files.
package struct PostgresURL: Sendable, Hashable, CustomStringConvertible {
    struct Setting: Hashable, Sendable {
        var name: String
        var value: String
    }

    /// As libpq reads them out of the URL.
    let settings: [Setting]
    /// The URL without its passwords, for logs and errors.
    package let description: String

    package static func isOne(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    /// Throws `.incompatible` for what libpq does not take, or would take apart elsewhere than where it was meant to be; passwords are
    /// not in the message.
    package init(_ text: String) throws(StoreError) {
        let hidden = PostgresURL.hidingPasswords(in: text)
        guard PostgresURL.isOne(text) else {
            throw .wrongURL(hidden, "it does not begin with postgres://")
        }
        guard !PostgresURL.isAmbiguous(text) else {
            throw .wrongURL(hidden, "an @ or a / in its password or a name is written %40 or %2F")
        }
        var said: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &said) else {
            defer { PQfreemem(said) }
            // libpq quotes pieces of the URL, which may be pieces of a password.
            let mayTell = hidden == text
            throw .wrongURL(
                hidden,
                mayTell ? said.map { String(cString: $0).oneLine } ?? "no memory" : "libpq does not take it")
        }
        defer { PQconninfoFree(options) }
        settings = PostgresURL.settings(in: options)
        // What libpq has read is where its syntax says.
        description = PostgresURL.hidingPasswords(in: text, upToFirst: true)
        _ = try PostgresURL.hosts(of: settings, description)
    }
}

extension StoreError {
    static func wrongURL(_ url: String, _ why: String) -> StoreError {
        StoreError(
            .incompatible,
            "\(url) names no PostgreSQL database (\(why)): write postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full, with % and "
                + "two digits for what is special in URLs", isRetryable: false)
    }
}

extension String {
    /// What libpq and servers say, which may be several lines.
    var oneLine: String {
        split(whereSeparator: \.isNewline).map { $0.drop { $0 == "\t" || $0 == " " } }.filter { !$0.isEmpty }
            .joined(separator: "; ")
    }
}
