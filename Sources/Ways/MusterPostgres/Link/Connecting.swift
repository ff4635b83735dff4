internal import CPostgres
internal import Glibc
internal import MusterStore

extension Connection {
    /// Of one address: connecting, TLS, the password; where the URL, a service file or a variable has no `connect_timeout`.
    static let connectMax: Duration = .seconds(10)
    /// Whatever `connect_timeout` says.
    static let timeoutMax = 60
    /// 12: older ones are not maintained, and not tried.
    private static let versionMin: Int64 = 120_000

    /// Tries each address of the URL's hosts once; `accepting` throws for one that is not to be used. Once the bell is rung, only for
    /// its grace. Throws `.unreachable` where trying again may help, else what the last one said; the message has what each of
    /// them said.
    static func open(
        _ url: PostgresURL, _ bell: Bell? = nil, accepting: (Connection) throws(StoreError) -> Void = { _ in }
    ) throws(StoreError) -> Connection {
        var failures: [StoreError] = []
        for candidate in try url.candidates() where failures.isEmpty || bell?.isOver != true {
            do throws(StoreError) {
                let connection = try connect(candidate, url.description, bell)
                guard connection.serverVersion >= versionMin else {
                    throw StoreError(
                        .incompatible,
                        "the server of \(url) is PostgreSQL \(connection.serverVersion / 10_000): use 12 or newer",
                        isRetryable: false)
                }
                try connection.withSilence(briefSilenceMax) { () throws(StoreError) in try accepting(connection) }
                return connection
            } catch { failures.append(error) }
        }
        let one = failures.first { $0.isRetryable } ?? failures[failures.count - 1]
        guard failures.count > 1 else { throw one }
        throw StoreError(one.code, failures.map(\.message).joined(separator: " / "), isRetryable: one.isRetryable)
    }

    /// libpq's seconds, of which it takes 1 for 2, and 0 for none; it keeps them itself only where it blocks.
    static func timeLimit(_ settings: [PostgresURL.Setting]) -> Duration {
        guard let seconds = settings.first(where: { $0.name == "connect_timeout" }).flatMap({ Int($0.value) }),
            seconds > 0
        else { return connectMax }
        return .seconds(min(max(2, seconds), timeoutMax))
    }

    /// What libpq begins with these settings, or why not; to be freed.
    static func begin(_ settings: [PostgresURL.Setting]) -> OpaquePointer? {
        var (names, values) = (settings.map { strdup($0.name) }, settings.map { strdup($0.value) })
        defer { for text in names + values { free(text) } }
        names.append(nil)
        values.append(nil)
        return names.withUnsafeBufferPointer { names in
            values.withUnsafeBufferPointer { values in
                names.withMemoryRebound(to: UnsafePointer<CChar>?.self) { names in
                    values.withMemoryRebound(to: UnsafePointer<CChar>?.self) { values in
                        PQconnectStartParams(names.baseAddress, values.baseAddress, 0)
                    }
                }
            }
        }
    }

    private static func connect(
        _ settings: [PostgresURL.Setting], _ place: String, _ bell: Bell?
    ) throws(StoreError) -> Connection {
        let start = ContinuousClock.now
        let handle = begin(settings)
        guard let handle else { throw StoreError(.io(ENOMEM), "no memory for a connection", isRetryable: true) }
        // Only so does it say the code of what a server refused.
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        guard PQstatus(handle) != CONNECTION_BAD else { throw refused(handle, place) }
        let limit = timeLimit(settings)
        var state = PGRES_POLLING_WRITING
        while state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING {
            let events = Int16(state == PGRES_POLLING_READING ? POLLIN : POLLOUT)
            guard waitFor(events, at: PQsocket(handle), since: start, limit, bell) != nil else {
                PQfinish(handle)
                throw .unreachable(
                    place, "no connection within \(limit)" + (bell?.hasRung == true ? ", or as the store closes" : ""))
            }
            state = PQconnectPoll(handle)
        }
        guard state == PGRES_POLLING_OK else { throw refused(handle, place) }
        return try Connection(handle, place: place, bell, within: start + limit - .now)
    }

    private static func refused(_ handle: OpaquePointer, _ place: String) -> StoreError {
        let text = String(cString: PQerrorMessage(handle))
        PQfinish(handle)
        let said = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("LOCATION:") }
            .joined(separator: "\n").oneLine
        return ServerError(sqlstate: ServerError.sqlstate(in: text), message: said).storeError(place)
    }
}
