internal import CMicroHTTP
internal import HTTPText
internal import MusterCore
internal import MusterSystem

/// What becomes one line of the access log, from a request's first line to its last byte. On the HTTP thread only.
final class AccessNote {
    private var record: AccessRecord
    private let began = SystemTime.now()
    /// Nothing is known of a request whose head never came.
    private var hasHead = false
    /// Of the body, as it was handed over.
    private var handedOver: UInt64 = 0
    /// Bytes of the answer's header, about, and those that the connection had sent before it.
    private var (headBytes, sentBefore): (UInt64, UInt64) = (0, 0)

    init(target: String) {
        record = AccessRecord(
            client: "", wallClockMs: SystemTime.wallClockMs(), nanoseconds: 0, method: "", target: target, version: "",
            status: AccessRecord.goneStatus, bytes: 0)
    }

    func headIsIn(_ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>?) {
        hasHead = true
        record.method = WireText.text(cString: method)
        record.version = version.map { WireText.text(cString: $0) } ?? ""
    }

    /// May come twice: an answer with no room for its header becomes another one.
    func answers(with response: HTTPResponse, isHead: Bool, _ socket: CInt) {
        var whole = response
        if case .prepared(let prepared) = response.body { whole = prepared.unprepared }
        record.status = whole.status
        record.cache = whole.headers.first(named: "X-Cache")
        record.cacheStatus = whole.headers.last { isSameName($0.name, "Cache-Status") }?.value
        headBytes = UInt64(HTTPResponse.headBytes(whole.headers))
        sentBefore = muster_bytes_acknowledged(socket)
        handedOver = 0
        if isHead || whole.status == 304 { return }
        switch whole.body {
        // These are counted as they are read.
        case .stream, .source, .lengthOnly, .none, .prepared, .upgrade: break
        case .bytes, .shared, .file: handedOver = whole.body.length(status: whole.status) ?? 0
        }
    }

    /// So many more bytes of the body were handed over; a negative number is an end.
    func took(_ count: Int) { if count > 0 { handedOver += UInt64(count) } }

    /// The line; nil: there was no request.
    func line(_ peer: HTTPPeer, _ socket: CInt, isWhole: Bool) -> AccessRecord? {
        guard hasHead else { return nil }
        record.client = peer.address
        record.nanoseconds = (SystemTime.now() - began).inNanoseconds
        record.bytes = handedOver
        if !isWhole, handedOver > 0 {
            let sent = muster_bytes_acknowledged(socket)
            record.bytes = min(handedOver, sent > sentBefore + headBytes ? sent - sentBefore - headBytes : 0)
        }
        return record
    }
}

extension AccessNote? {
    /// The same number, noted where there is a log.
    func counted(_ count: Int) -> Int {
        self?.took(count)
        return count
    }
}
