/// One value of a row, the same in every database.
package enum StoredValue: Hashable, Sendable {
    case null
    case int(Int64)
    case real(Double)
    /// A text's UTF-8, or bytes.
    case bytes([UInt8])
}

/// What a column of every database's own tables holds.
package enum StoredKind: Sendable {
    case int, real
    /// An integer, 0 or 1, where there is nothing smaller.
    case flag
    /// A word of the program's own.
    case word
    /// People's text, which may have a NUL in it.
    case text
    case bytes
}

/// A table that stores have under the same name, with the same columns.
package struct StoredTable: Sendable {
    package let name: String
    package let columns: [(name: String, kind: StoredKind)]
    /// By which rows are read, so that each database gets them in the order of their making.
    package let order: String
    /// It has one row from its beginning on.
    package var isSingle = false

    private init(_ name: String, order: String, _ columns: KeyValuePairs<String, StoredKind>) {
        (self.name, self.order) = (name, order)
        self.columns = columns.map { ($0.key, $0.value) }
    }

    private static func single(_ name: String, _ columns: KeyValuePairs<String, StoredKind>) -> StoredTable {
        var table = StoredTable(name, order: "1", columns)
        table.isSingle = true
        return table
    }

    /// All that a fleet's state is made of; the order is that of copying. A new column or table of a schema goes in here, too.
    package static let all: [StoredTable] = [
        StoredTable(
            "job", order: "id",
            [
                "id": .int, "state": .word, "ended_ms": .int, "done": .int, "failed": .int, "count": .int,
                "has_inputs": .flag, "attempts_max": .int, "created_ms": .int, "priority": .word, "kernel": .text,
                "params": .bytes, "quorum": .word, "is_deterministic": .flag, "retry_delay_ms": .int, "at_most": .int,
                "may_copy": .flag, "name": .text, "timeout_seconds": .real, "request_key": .text,
                "request_digest": .bytes, "is_open": .flag, "needs": .text, "start_delay_ms": .int, "after": .word,
                "is_held": .flag, "reason": .text, "owner": .text, "reruns": .flag, "halt": .word, "done_before": .int,
            ]),
        StoredTable("job_worker", order: "job, worker", ["job": .int, "worker": .text, "tasks": .int]),
        StoredTable("input", order: "job, first", ["job": .int, "first": .int, "count": .int, "lines": .bytes]),
        StoredTable(
            "result", order: "job, first",
            [
                "job": .int, "first": .int, "count": .int, "is_failure": .flag, "attempt": .int, "worker": .text,
                "body": .bytes, "seconds": .bytes, "votes": .int, "output": .bytes,
            ]),
        StoredTable(
            "vote", order: "job, task, machine",
            [
                "job": .int, "task": .int, "machine": .text, "owner": .text, "is_volunteer": .flag,
                "is_failure": .flag, "attempt": .int, "worker": .text, "seconds": .text, "body": .bytes,
            ]),
        StoredTable("begun", order: "job, task", ["job": .int, "task": .int, "attempt": .int, "member": .int]),
        StoredTable("forgotten_job", order: "id", ["id": .int]),
        StoredTable(
            "member", order: "id",
            [
                "id": .int, "join_order": .int, "role": .word, "name": .text, "address": .text, "slots": .int,
                "version": .text, "joined_ms": .int, "incarnation": .text, "callback": .text, "machine": .text,
                "token": .int, "circle": .text, "resources": .text,
            ]),
        StoredTable("member_label", order: "member, key", ["member": .int, "key": .text, "value": .text]),
        StoredTable("former_member", order: "sequence", ["id": .int, "name": .text, "callback": .text]),
        StoredTable(
            "machine", order: "id",
            [
                "id": .text, "token": .int, "joins": .int, "tasks": .int, "seconds": .real, "confirmed": .int,
                "refuted": .int, "streak": .int, "errors": .real, "is_out": .flag, "first_seen_ms": .int,
                "last_seen_ms": .int, "version": .text, "name": .text,
            ]),
        StoredTable(
            "join_token", order: "id",
            [
                "id": .int, "code": .text, "label": .text, "created_ms": .int, "revoked_ms": .int, "circle": .text,
            ]),
        StoredTable("meta", order: "key", ["key": .text, "value": .bytes]),
        StoredTable(
            "child", order: "id",
            [
                "id": .int, "key": .text, "wanted": .int, "received": .int, "rejected": .int, "state": .word,
                "attempt": .int, "created_ms": .int, "ended_ms": .int, "reason": .text, "is_foreign": .flag,
            ]),
        StoredTable("number_batch", order: "sequence", ["sequence": .int, "numbers": .bytes]),
        single("number_total", ["received": .int, "rejected": .int, "snapshot": .bytes]),
        StoredTable(
            "command", order: "id",
            [
                "id": .int, "sender": .int, "sender_name": .text, "rank": .int, "view": .int, "created_ms": .int,
                "ended_ms": .int, "text": .text, "recipients": .word, "exceptions": .word,
            ]),
        StoredTable("command_cursor", order: "member", ["member": .int, "acknowledged": .int]),
        StoredTable(
            "command_exception", order: "member, first",
            ["member": .int, "first": .int, "last": .int, "outcome": .word]),
        single(
            "largest_id", ["job": .int, "member": .int, "join_order": .int, "child": .int, "command": .int]),
    ]
}

/// A store's tables as they are, row by row, in one transaction; what a copy is made from, or into.
package protocol StoredTables: AnyObject {
    func count(_ table: StoredTable) throws(StoreError) -> Int
    /// Hands out all rows, a few at a time.
    func read(_ table: StoredTable, _ take: ([[StoredValue]]) throws(StoreError) -> Void) throws(StoreError)
    /// Adds rows, or replaces the only one.
    func write(_ table: StoredTable, _ rows: [[StoredValue]]) throws(StoreError)
    /// The last number that a batch of numbers had.
    func lastSequence() throws(StoreError) -> Int64
    func setLastSequence(_ sequence: Int64) throws(StoreError)
    /// Keeps what was written. Of tables that were only read: throws `.locked` when somebody has written meanwhile.
    func commit() throws(StoreError)
}

extension StoreError {
    /// Of a database that only its coordinator brings to this program's form.
    package static func oldVersion(_ place: String, _ version: Int64, _ own: Int) -> StoreError {
        StoreError(
            .incompatible,
            "the store at \(place) has version \(version), and this program copies version \(own): start its coordinator once with this "
                + "program, which brings it there, and end it", isRetryable: false)
    }
}
