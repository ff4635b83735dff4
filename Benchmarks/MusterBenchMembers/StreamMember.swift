internal import Glibc

/// One member: a held stream, and a connection of its own for heartbeats and acknowledgements, as `muster client` has.
final class StreamMember {
    enum Phase { case new, joining, idle, beating }

    var phase = Phase.new
    var call: Int32 = -1
    var stream: Int32 = -1
    var isOpen = false
    var id = 0
    var secret = ""
    var parser = StreamParser()
    /// The newest command that it has.
    var seen = 0
    /// There is something to acknowledge that the request on its way does not say.
    var wantsBeat = false
    var answer = AnswerBuffer()

    func beatRequest() -> String {
        let body = seen > 0 ? "{\"leases\":[],\"acknowledged\":\(seen)}" : "{\"leases\":[]}"
        return post("/v1/members/\(id)/heartbeat", bearer: secret, body)
    }

    func streamRequest() -> String {
        "GET /v1/members/\(id)/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(secret)\r\n"
            + "Last-Event-ID: \(seen)\r\n\r\n"
    }
}
