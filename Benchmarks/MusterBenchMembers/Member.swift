internal import Glibc

/// One member: a held stream, and a connection of its own for heartbeats and acknowledgements, as `muster client` has.
final class Member {
    enum Phase { case new, joining, idle, beating }

    var phase = Phase.new
    var call: Int32 = -1
    var stream: Int32 = -1
    var isOpen = false
    var id = 0
    var secret = ""
    var parser = EventParser()
    /// The newest command that it has.
    var seen = 0
    /// There is something to acknowledge that the request on its way does not say.
    var wantsBeat = false
    private var answer: [UInt8] = []

    func joinRequest(token: String, name: String) -> String {
        let digits = "0123456789abcdef"
        let incarnation = String((0..<32).map { _ in digits.randomElement()! })
        let body = "{\"name\":\"\(name)\",\"role\":\"client\",\"incarnation\":\"\(incarnation)\"}"
        return request("POST", "/v1/members", bearer: token, body)
    }

    func beatRequest() -> String {
        let body = seen > 0 ? "{\"leases\":[],\"acknowledged\":\(seen)}" : "{\"leases\":[]}"
        return request("POST", "/v1/members/\(id)/heartbeat", bearer: secret, body)
    }

    func streamRequest() -> String {
        "GET /v1/members/\(id)/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(secret)\r\n"
            + "Last-Event-ID: \(seen)\r\n\r\n"
    }

    private func request(_ method: String, _ path: String, bearer: String, _ body: String) -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(bearer)\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// The answer to its one request, when it is whole.
    func takeAnswer(_ bytes: UnsafeBufferPointer<UInt8>) -> (status: Int, body: String)? {
        answer += bytes
        guard let end = answer.indices.dropLast(3).first(where: { answer[$0] == 13 && answer[$0 + 2] == 13 }) else {
            return nil
        }
        let head = String(decoding: answer[..<end], as: UTF8.self).lowercased()
        let length = head.split(separator: "content-length: ").dropFirst().first.flatMap {
            Int($0.prefix { $0.isNumber })
        }
        guard answer.count >= end + 4 + (length ?? 0) else { return nil }
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let body = phase == .joining || status >= 300 ? String(decoding: answer[(end + 4)...], as: UTF8.self) : ""
        answer.removeAll(keepingCapacity: true)
        return (status, body)
    }
}
