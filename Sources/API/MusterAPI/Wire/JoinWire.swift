/// What a machine needs to become a worker of the fleet; the answer to `POST /v1/join-command`.
package struct JoinOffer: Hashable, Sendable {
    /// The coordinator's program with all its libraries, as others may fetch it.
    package struct Program: Hashable, Sendable {
        /// What comes behind the coordinator's URL.
        package var path: String
        /// 64 hexadecimal digits.
        package var sha256: String
        package var bytes: Int

        package init(path: String, sha256: String, bytes: Int) {
            (self.path, self.sha256, self.bytes) = (path, sha256, bytes)
        }
    }

    /// The fleet's join token.
    package var token: String
    /// Where others reach the coordinator, as far as it can tell.
    package var url: String
    /// What the program runs on, as `uname -sm` says: `Linux x86_64`.
    package var platform: String
    /// Nil where the coordinator has none to give; then `trouble` says why.
    package var program: Program?
    package var trouble: String?

    package init(token: String, url: String, platform: String, program: Program?, trouble: String? = nil) {
        (self.token, self.url, self.platform) = (token, url, platform)
        (self.program, self.trouble) = (program, trouble)
    }

    /// Throws a `Problem` for what is no such answer.
    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        token = try fields.required("token", fields.string("token", bytesMax: 4_096))
        url = try fields.required("url", fields.string("url", bytesMax: 4_096))
        platform = try fields.required("platform", fields.string("platform"))
        trouble = try fields.string("trouble", bytesMax: 4_096)
        guard var given = try fields.object("program") else { return }
        program = Program(
            path: try given.required("path", given.string("path")),
            sha256: try given.required("sha256", given.string("sha256")),
            bytes: try given.required("bytes", given.int("bytes", in: 1...Int.max)))
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("token", token)
        json.field("url", url)
        json.field("platform", platform)
        if let program {
            json.key("program")
            json.beginObject()
            json.field("path", program.path)
            json.field("sha256", program.sha256)
            json.field("bytes", program.bytes)
            json.endObject()
        }
        if let trouble { json.field("trouble", trouble) }
        json.endObject()
        return json.bytes
    }
}
