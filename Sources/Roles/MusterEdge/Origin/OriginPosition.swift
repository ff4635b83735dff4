/// How far an origin's changes are known somewhere.
struct OriginPosition: Hashable, Sendable {
    /// Names one history of versions.
    var origin: String
    var version: UInt64

    var text: String { "\(version) \(origin)" }

    init(origin: String, version: UInt64) { (self.origin, self.version) = (origin, version) }

    /// Nil for what `text` did not make.
    init?(_ text: String) {
        let words = text.split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let version = UInt64(words[0]) else { return nil }
        self.init(origin: String(words[1]), version: version)
    }
}
