/// A statement of fixed text; values come in as parameters only.
struct SQL: Hashable, Sendable {
    let text: String
    /// What a server knows it by once it was prepared: the same for the same text (FNV-1a), in every process.
    let name: String

    init(_ text: String) {
        self.text = text
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        name = "muster_" + String(hash, radix: 16)
    }
}

/// A statement with its values.
struct Query: Sendable {
    let sql: SQL
    let parameters: [Parameter]

    init(_ sql: SQL, _ parameters: Parameter...) { (self.sql, self.parameters) = (sql, parameters) }
    init(_ sql: SQL, _ parameters: [Parameter]) { (self.sql, self.parameters) = (sql, parameters) }
    init(_ text: String) { self.init(SQL(text)) }
}

/// What came of one query of a pipeline.
enum Answer {
    case rows(Rows)
    case failed(ServerError)
    /// One before it failed.
    case skipped
}
