internal import MusterStore

/// What a server said instead of doing what it was asked.
struct ServerError: Hashable, Sendable {
    /// Five characters, the first two of which name a class (PostgreSQL's Appendix A); empty where libpq itself failed.
    var sqlstate: String
    var message: String

    /// What is to be done about it.
    enum Meaning: Hashable, Sendable {
        /// This connection is of no use any more, or none is to be had for now: another one, later.
        case reconnect
        /// The whole transaction again: it met another one, or the server ran out of something for a moment.
        case again
        /// It can never be done.
        case refused
    }

    /// Transactions that are tried again in the same breath may meet the same trouble: their number is bounded by who tries.
    var meaning: Meaning {
        switch sqlstate {
        // Shut down, crashed, starting up, idle for too long; read-only: a standby, or what was a primary; too many connections.
        case "57P01", "57P02", "57P03", "57P05", "25006", "25P03", "53300": .reconnect
        // Serialization, deadlock, lock timeout, out of memory, cancelled: by a statement timeout, or by hand.
        case "40001", "40P01", "55P03", "53200", "57014": .again
        case _ where sqlstate.hasPrefix("08") || sqlstate.isEmpty: .reconnect
        default: .refused
        }
    }

    /// For whoever asked; `place` is the URL without its password.
    func storeError(_ place: String) -> StoreError {
        let said = sqlstate.isEmpty ? message : "\(message), SQLSTATE \(sqlstate)"
        return switch sqlstate {
        case "53100":
            StoreError(
                .full,
                "no room for the database \(place) (\(said)): free space on its server; nothing of this was kept",
                isRetryable: true)
        case _ where ["22", "23", "54"].contains(sqlstate.prefix(2)):
            StoreError.conflict("the write contradicts what \(place) holds (\(said))")
        case "XX001", "XX002", "42P01", "42703", "3F000":
            StoreError(
                .corrupt,
                "the database \(place) is damaged (\(said)): restore it from the server's backup, and start again",
                isRetryable: false)
        case "57014":
            StoreError(
                .io(0),
                "the server of \(place) cancelled it time and again (\(said)): a statement_timeout that short is not for this role; "
                    + "ALTER ROLE … SET statement_timeout = 0", isRetryable: true)
        case "42501":
            StoreError(
                .io(0), "\(place) does not let this role do that (\(said)): GRANT CREATE ON DATABASE … TO …",
                isRetryable: false)
        case "3D000", "28P01", "28000", "0LP01":
            StoreError(
                .io(0),
                "\(place) does not let this program in (\(said)): check user, password, database and pg_hba.conf",
                isRetryable: false)
        default:
            meaning == .reconnect
                ? .unreachable(place, said)
                : StoreError(
                    .io(0), "the database \(place) failed (\(said)): look into its server's log",
                    isRetryable: meaning == .again || ["53", "55", "57", "58", "40"].contains(sqlstate.prefix(2)))
        }
    }

    /// The code in what a failed connection says with verbosity VERBOSE, `FATAL:  53300: sorry, …`: libpq has no field for it.
    static func sqlstate(in text: String) -> String {
        let word = text.split(whereSeparator: { $0 == " " || $0.isNewline }).first { word in
            word.utf8.count == 6 && word.last == ":"
                && word.dropLast().allSatisfy { ("0"..."9").contains($0) || ("A"..."Z").contains($0) }
                && word.contains { ("0"..."9").contains($0) }
        }
        return word.map { String($0.dropLast()) } ?? ""
    }
}

extension StoreError {
    static func unreachable(_ place: String, _ said: String) -> StoreError {
        StoreError(
            .unreachable,
            "the server of \(place) cannot be reached or lets nobody in for now (\(said)): see that it runs, and that this is "
                + "its URL",
            isRetryable: true)
    }
}
