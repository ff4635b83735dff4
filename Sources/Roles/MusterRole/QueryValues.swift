internal import MusterCore
internal import MusterHTTP
package import MusterWire

/// Values of a query, or a `Problem` (422) that names the parameter and what it was. Nil: it is not there.
extension HTTPRequest {
    package func queryInt(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = try queryText(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(
                422,
                "The query parameter \"\(name)\" must be a whole number from \(range.lowerBound) to"
                    + " \(range.upperBound), not \"\(text.prefix(80))\".", code: "field")
        }
        return number
    }

    package func queryBool(_ name: String) throws(Problem) -> Bool? {
        switch try queryText(name) {
        case nil: return nil
        case "true", "1": return true
        case "false", "0": return false
        case let text?:
            throw Problem(
                422, "The query parameter \"\(name)\" must be true or false, not \"\(text.prefix(80))\".", code: "field"
            )
        }
    }

    /// The caller's own name for this request, under which it may be repeated; nil where it gave none.
    package func idempotencyKey() throws(Problem) -> String? {
        guard let key = header("idempotency-key") else { return nil }
        guard (1...Limits.nameBytesMax).contains(key.utf8.count) else {
            throw Problem(
                422, "Idempotency-Key has \(key.utf8.count) bytes; 1 to \(Limits.nameBytesMax).", code: "field")
        }
        return key
    }

    /// One of the words of an enumeration.
    package func queryChoice<T: RawRepresentable<String> & CaseIterable>(_ name: String, _: T.Type) throws(Problem)
        -> T?
    {
        guard let text = try queryText(name) else { return nil }
        guard let value = T(rawValue: text) else {
            throw Problem(
                422,
                "The query parameter \"\(name)\" must be one of \(T.allCases.map(\.rawValue).joined(separator: ", ")), not"
                    + " \"\(text.prefix(80))\".", code: "field")
        }
        return value
    }

    package func queryText(_ name: String) throws(Problem) -> String? {
        let found = query.filter { $0.name == name }
        if found.count > 1 { throw Problem(422, "The query parameter \"\(name)\" stands twice.", code: "field") }
        return found.first?.value
    }
}
