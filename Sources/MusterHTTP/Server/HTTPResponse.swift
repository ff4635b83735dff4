internal import CMicroHTTP
internal import Glibc
package import MusterAPI

/// One answer.
package struct HTTPResponse: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Made once, sent many times; its own status and headers count.
        case prepared(PreparedBody)
        case file(FileBody)
        case stream(HTTPStream)
    }
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: Body

    package init(status: Int, headers: [(name: String, value: String)] = [], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
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
        var json = JSONWriter()
        json.beginObject()
        json.field("type", problem.type)
        json.field("title", problem.title)
        json.field("status", problem.status)
        json.field("detail", problem.detail)
        if let seconds = problem.retryAfter { json.field("retryAfter", seconds) }
        json.endObject()
        var headers = [(name: "Content-Type", value: Problem.contentType)]
        if let seconds = problem.retryAfter { headers.append(("Retry-After", String(seconds))) }
        if problem.status == 401 { headers.append(("WWW-Authenticate", "Bearer")) }
        return HTTPResponse(status: problem.status, headers: headers, body: .bytes(json.bytes))
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

    package init(status: Int, headers: [(name: String, value: String)], bytes: [UInt8]) {
        self.status = UInt32(status)
        guard let made = muster_mhd_copied_response(bytes.count, bytes) else { preconditionFailure("out of memory") }
        for (name, value) in headers {
            precondition(muster_mhd_add_header(made, name, value) == 1, "not a header: \(name): \(value)")
        }
        response = made
    }

    deinit { MHD_destroy_response(response) }
}
