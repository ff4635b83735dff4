internal import MusterAPI
internal import MusterCore
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterRole
internal import MusterWebSocket

/// The connection over which a member is told things.
enum MemberLine: Sendable {
    case stream(HTTPStream)
    case socket(WebSocket)

    /// One that does not read is cut off; what it lacks it gets when it comes back.
    func tell(_ notices: inout MemberNotices) {
        switch self {
        case .stream(let stream) where stream.isFull: stream.abort()
        case .stream(let stream): _ = stream.write(notices.events)
        // It cuts off by itself.
        case .socket(let socket): _ = socket.write(notices.messages)
        }
    }

    func tell(_ notice: MemberNotice) {
        var notices = MemberNotices([notice])
        tell(&notices)
    }

    /// What was told still goes out.
    func end(_ ending: LineEnding) {
        switch self {
        case .stream(let stream): stream.finish()
        case .socket(let socket): socket.close(ending.rawValue, ending.reason)
        }
    }

    /// Called once when the member's end is gone, never inside this call.
    func onDisconnect(_ handler: @escaping @Sendable () -> Void) {
        switch self {
        case .stream(let stream): stream.onDisconnect(handler)
        case .socket(let socket): socket.onDisconnect(handler)
        }
    }
}

/// Something that members are told, in the words of either kind of line.
struct MemberNotice: Sendable {
    private let name: String
    private let id: UInt64?
    private let data: [UInt8]

    /// `data` is JSON. `id`: behind which a stream goes on.
    init(_ name: String, id: UInt64? = nil, data: [UInt8]) { (self.name, self.id, self.data) = (name, id, data) }

    init(_ command: CommandRecord) {
        self.init("command", id: UInt64(command.id.rawValue), data: CommandNotice(command).body.bytes)
    }

    /// A server-sent event.
    var event: [UInt8] { ServerSentEvent.bytes(name, id: id, data: data) }
    /// A WebSocket's message.
    var message: [UInt8] { Array("{\"event\":\"\(name)\",\"data\":".utf8) + data + [UInt8(ascii: "}")] }
}

/// Notices that go out together, to many members perhaps: put into words once for each kind of line.
struct MemberNotices: Sendable {
    private let notices: [MemberNotice]

    init(_ notices: [MemberNotice]) { self.notices = notices }

    private(set) lazy var events = notices.flatMap(\.event)
    private(set) lazy var messages = notices.map(\.message)
}
