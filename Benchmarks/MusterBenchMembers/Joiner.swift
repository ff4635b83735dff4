internal import Glibc

/// Has members join, over a few connections that are kept.
final class Joiner {
    struct Joined {
        var index: Int
        var id: Int
        var secret: String
    }

    private struct Slot {
        var socket: Int32 = -1
        var answer = AnswerBuffer()
        /// Who is on the way.
        var index: Int?
    }

    static let atOnceMax = 64
    private let port: UInt16
    private let token: String
    private let count: Int
    private let poller: Poller
    /// Of the first slot.
    private let tag: UInt32
    private var slots = [Slot](repeating: Slot(), count: atOnceMax)
    private var next = 0
    private var isFirstIn = false

    init(port: UInt16, token: String, count: Int, poller: Poller, tag: UInt32) {
        (self.port, self.token, self.count, self.poller, self.tag) = (port, token, count, poller, tag)
    }

    /// Sends as many on their way as may be: the first alone, as it is to be rank 0.
    func start() throws {
        guard next < count else { return }
        for place in slots.indices where slots[place].index == nil {
            guard next < count, isFirstIn || next == 0 else { return }
            if slots[place].socket < 0 {
                slots[place].socket = try poller.connect(port: port, tag: tag + UInt32(place))
            }
            guard Poller.send(Self.request(token: token, name: "load-\(getpid())-\(next)"), to: slots[place].socket)
            else { throw MembersError("the coordinator broke off a joining") }
            slots[place].index = next
            next += 1
        }
    }

    /// What came for this slot; who has joined with it.
    func take(_ bytes: UnsafeBufferPointer<UInt8>, tag: UInt32) throws -> Joined? {
        let place = Int(tag - self.tag)
        guard bytes.count > 0 else {
            guard slots[place].index == nil else { throw MembersError("the coordinator broke off a joining") }
            close(slots[place].socket)
            slots[place].socket = -1
            return nil
        }
        guard let answer = slots[place].answer.take(bytes) else { return nil }
        guard answer.status == 201, let index = slots[place].index,
            let id = field("id", in: answer.body).flatMap({ Int($0) }), let secret = field("secret", in: answer.body)
        else { throw MembersError("could not join: \(answer.status) \(answer.body)") }
        slots[place].index = nil
        isFirstIn = true
        return Joined(index: index, id: id, secret: String(secret))
    }

    func socket(tag: UInt32) -> Int32 { slots[Int(tag - self.tag)].socket }

    static func request(token: String, name: String) -> String {
        let digits = "0123456789abcdef"
        let incarnation = String((0..<32).map { _ in digits.randomElement()! })
        let body = "{\"name\":\"\(name)\",\"role\":\"client\",\"incarnation\":\"\(incarnation)\"}"
        return post("/v1/members", bearer: token, body)
    }
}

func post(_ path: String, bearer: String, _ body: String) -> String {
    "POST \(path) HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(bearer)\r\n"
        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

/// Number or text behind a key.
func field(_ key: String, in json: String) -> Substring? {
    json.split(separator: "\"\(key)\":", maxSplits: 1).dropFirst().first?
        .drop { $0 == " " || $0 == "\"" }.prefix { $0 != "\"" && $0 != "," && $0 != "}" }
}
