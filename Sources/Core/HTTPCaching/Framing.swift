/// Where a body ends must be beyond doubt (RFC 9112, 6.3): else two readers see two bodies.
package enum Framing {
    /// What is wrong with an answer of these fields; nil: nothing.
    package static func defect(_ fields: HeaderFields) -> String? {
        let lengths = fields.list("Content-Length")
        let codings = fields.list("Transfer-Encoding")
        if !codings.isEmpty, !lengths.isEmpty { return "The upstream gave a body a length and a transfer coding." }
        if codings.contains(where: { $0.lowercased() != "chunked" }) || codings.count > 1 {
            return "The upstream's transfer coding is not \"chunked\", the only one that is read here."
        }
        let isOne = lengths.allSatisfy {
            $0 == lengths[0] && Int($0) != nil && $0.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        return isOne ? nil : "The upstream gave a body two lengths, or one that is no number."
    }
}
