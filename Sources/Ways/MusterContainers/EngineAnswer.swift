internal import MusterAPI
internal import MusterJSON

/// What an engine answered to one request.
struct EngineAnswer: Sendable {
    let status: Int
    let body: [UInt8]
    /// Method and path, for messages.
    let asked: String

    var isGood: Bool { (200..<300).contains(status) || status == 304 }

    /// Throws `.badAnswer` for what is not exactly one JSON value.
    func json() throws(EngineError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: body)
        } catch {
            let start = String(decoding: body.prefix(60), as: UTF8.self)
            throw EngineError(
                .badAnswer,
                "the container engine's answer to \(asked) is no JSON (\(error.message) at byte \(error.offset)): \(start)"
            )
        }
    }

    /// The engine's own words: `{"message": "…"}`, and Podman's `"cause"` where the message does not end with it.
    var complaint: String {
        let json = try? json()
        let said = json?["message"]?.string ?? String(decoding: body.prefix(300), as: UTF8.self)
        guard let cause = json?["cause"]?.string, !said.hasSuffix(cause) else { return String(said.prefix(600)) }
        return "\(said.prefix(600)): \(cause.prefix(300))"
    }
}

extension JSONValue {
    /// The member of an object; nil for other kinds, and where there is none.
    subscript(key: String) -> JSONValue? { members?.first { $0.key == key }?.value }
}
