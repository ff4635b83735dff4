internal import MusterJSON

/// The field `Repr-Digest` (RFC 9530): the checksum of a whole image, also with answers that carry parts of it.
package enum ReprDigest {
    /// `sha-256=:BASE64:`. The digest has 32 bytes.
    package static func field(sha256 digest: [UInt8]) -> String { "sha-256=:\(Base64.encoded(digest)):" }

    /// The SHA-256 in the field's value, 32 bytes; nil: there is none to go by.
    package static func sha256(inField field: String?) -> [UInt8]? {
        for item in (field ?? "").split(separator: ",") {
            let text = item.trimmingPrefix { $0 == " " }
            guard text.hasPrefix("sha-256=:"), let end = text.lastIndex(of: ":") else { continue }
            let code = text.dropFirst(9)
            guard code.startIndex <= end, let data = Base64.decoded(String(code[..<end])) else { continue }
            return data.count == 32 ? data : nil
        }
        return nil
    }
}
