/// The answer to one request at a time, with its length told, cut anywhere.
struct AnswerBuffer {
    private var bytes: [UInt8] = []

    /// Its status, and its body unless that is 200, when it is whole.
    mutating func take(_ piece: UnsafeBufferPointer<UInt8>) -> (status: Int, body: String)? {
        bytes += piece
        guard let end = bytes.indices.dropLast(3).first(where: { bytes[$0] == 13 && bytes[$0 + 2] == 13 }) else {
            return nil
        }
        let head = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
        let length = head.split(separator: "content-length: ").dropFirst().first.flatMap {
            Int($0.prefix { $0.isNumber })
        }
        guard bytes.count >= end + 4 + (length ?? 0) else { return nil }
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let body = status == 200 ? "" : String(decoding: bytes[(end + 4)...], as: UTF8.self)
        bytes.removeAll(keepingCapacity: true)
        return (status, body)
    }
}
