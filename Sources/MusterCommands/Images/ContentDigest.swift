internal import FoundationEssentials

/// The checksum of a whole body, as a server tells it.
package enum ContentDigest {
    /// The SHA-256 in a field `Repr-Digest: sha-256=:BASE64:` (RFC 9530), 32 bytes; nil: there is none to go by.
    package static func sha256(inField field: String?) -> [UInt8]? {
        for item in (field ?? "").split(separator: ",") {
            let text = item.trimmingPrefix { $0 == " " }
            guard text.hasPrefix("sha-256=:"), let end = text.lastIndex(of: ":") else { continue }
            let code = text.dropFirst(9)
            guard code.startIndex <= end, let data = Data(base64Encoded: String(code[..<end])) else { continue }
            return data.count == 32 ? Array(data) : nil
        }
        return nil
    }
}
