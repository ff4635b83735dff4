internal import CMicroHTTP
internal import Glibc
internal import HTTPText
package import MusterSystem
package import MusterWire

/// One answer.
package struct HTTPResponse: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Made once, sent many times; its own status and headers count.
        case prepared(PreparedBody)
        /// A part of bytes that others read too; sent from where they lie.
        case shared(SharedBytes, Range<Int>)
        case file(FileBody)
        case stream(HTTPStream)
        case source(HTTPSourceBody)
        /// The answer to HEAD, or a 304, where the body is nowhere at hand: only its length is told. Nil: not even that; the
        /// connection ends with it.
        case lengthOnly(UInt64?)
        /// With 101 alone.
        case upgrade(HTTPUpgrade)

        /// Bytes of the whole body, as far as it tells. Of a 304 without a body this is nothing: the length that counts is that
        /// of what was not sent (RFC 9110, 8.6).
        func length(status: Int) -> UInt64? {
            switch self {
            case .none: status == 304 ? nil : 0
            case .bytes(let bytes): UInt64(bytes.count)
            case .shared(_, let range): UInt64(range.count)
            case .file(let file): file.count
            case .stream(let stream): stream.count
            case .source(let source): source.count
            case .lengthOnly(let count): count
            case .prepared, .upgrade: nil
            }
        }
    }
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: Body
    /// The bound by which it refuses, and what it says of it: counted where it is sent.
    private(set) var met: (limit: LimitName, detail: String)?

    package init(status: Int, headers: [(name: String, value: String)] = [], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// About what a header takes: status line, date and length included.
    static func headBytes(_ headers: [(name: String, value: String)]) -> Int {
        headers.reduce(200) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
    }

    package static func json(
        _ bytes: [UInt8], status: Int = 200, headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        HTTPResponse(status: status, headers: [("Content-Type", "application/json")] + headers, body: .bytes(bytes))
    }

    package static func text(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: .bytes(Array(text.utf8)))
    }

    package static func problem(_ problem: Problem) -> HTTPResponse {
        var headers = [(name: "Content-Type", value: Problem.contentType)]
        if let seconds = problem.retryAfter { headers.append(("Retry-After", String(seconds))) }
        if let challenge = challenge(problem) { headers.append(("WWW-Authenticate", challenge)) }
        // RFC 9110, 15.5.16: what would have been taken.
        if problem.type == "/problems/encoding" { headers.append(("Accept-Encoding", "identity")) }
        var response = HTTPResponse(status: problem.status, headers: headers, body: .bytes(problem.body))
        response.met = problem.limit.map { ($0, problem.detail) }
        return response
    }

    /// RFC 6750, 3: no error where nothing was shown.
    private static func challenge(_ problem: Problem) -> String? {
        let realm = "Bearer realm=\"muster\""
        return switch (problem.status, problem.type) {
        case (401, Problem.noTokenType): realm
        case (401, _): realm + ", error=\"invalid_token\""
        case (403, Problem.rightsType): realm + ", error=\"insufficient_scope\""
        default: nil
        }
    }
}

/// A part of an open file, sent by sendfile where the connection allows. The descriptor is duplicated when the answer is
/// queued: the caller keeps and closes its own, or gives as `owner` what closes it.
package struct FileBody: Sendable {
    package var descriptor: Int32
    package var offset: UInt64
    package var count: UInt64
    /// Kept until the answer is queued.
    package var owner: (any Sendable)?

    package init(descriptor: Int32, offset: UInt64, count: UInt64, owner: (any Sendable)? = nil) {
        self.owner = owner
        self.descriptor = descriptor
        self.offset = offset
        self.count = count
    }
}

/// An answer made once and queued any number of times, on any thread.
///
/// `@unchecked Sendable`: the response is not changed after `init`; libmicrohttpd guards its count of references.
package final class PreparedBody: @unchecked Sendable {
    let status: UInt32
    let response: OpaquePointer
    let headBytes: Int
    /// The same answer, to be made once more with a header of its own.
    let unprepared: HTTPResponse

    package convenience init(status: Int, headers: [(name: String, value: String)], bytes: [UInt8]) {
        guard let made = muster_mhd_copied_response(bytes.count, bytes) else { preconditionFailure("out of memory") }
        self.init(made, HTTPResponse(status: status, headers: headers, body: .bytes(bytes)))
        for (name, value) in headers {
            precondition(addHeader(name, value, to: made), "not a header: \(name): \(value)")
        }
    }

    /// Sent from where the bytes lie. What is no header is left out.
    package convenience init(
        status: Int, headers: [(name: String, value: String)], shared: SharedBytes, range: Range<Int>
    ) {
        guard let made = shared.makeResponse(range) else { preconditionFailure("out of memory") }
        self.init(made, HTTPResponse(status: status, headers: headers, body: .shared(shared, range)))
        for (name, value) in headers { _ = addHeader(name, value, to: made) }
    }

    private init(_ made: OpaquePointer, _ unprepared: HTTPResponse) {
        (status, response) = (UInt32(unprepared.status), made)
        headBytes = HTTPResponse.headBytes(unprepared.headers)
        self.unprepared = unprepared
    }

    deinit { MHD_destroy_response(response) }
}

/// False for what is no header.
func addHeader(_ name: String, _ value: String, to response: OpaquePointer) -> Bool {
    // libmicrohttpd takes no empty value; white space around one is not part of it (RFC 9110, 5.5).
    WireText.withCString(value.isEmpty ? " " : value) { muster_mhd_add_header(response, name, $0) == 1 }
}

extension SharedBytes {
    /// For libmicrohttpd, which lets go of the bytes with the response.
    func makeResponse(_ range: Range<Int>) -> OpaquePointer? {
        if range.isEmpty { return muster_mhd_copied_response(0, nil) }
        let place = UnsafeMutableRawPointer(mutating: bytes(range).baseAddress!)
        return MHD_create_response_from_buffer_with_free_callback_cls(
            range.count, place, { Unmanaged<SharedBytes>.fromOpaque($0!).release() },
            Unmanaged.passRetained(self).toOpaque())
    }
}
