/// A link by which a browser comes in, once; the answer to `POST /v1/sign-in-links`.
package struct SignInLink: Hashable, Sendable {
    /// Path and query: what comes behind the coordinator's URL.
    package var path: String
    /// It is good for so long.
    package var seconds: Int

    package init(path: String, seconds: Int) { (self.path, self.seconds) = (path, seconds) }

    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body)
        path = try fields.required("path", fields.string("path", bytesMax: 256))
        seconds = try fields.required("seconds", fields.int("seconds", in: 1...86_400))
    }

    package var body: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("path", path)
        json.field("seconds", seconds)
        json.endObject()
        return json.bytes
    }
}

/// By which an origin or an edge tells the fleet's tokens without having them: a code of each under a salt that is made for this.
/// Told to origins and edges when they join, so that the fleet's tokens are good there, too.
package struct FleetTokenCodes: Hashable, Sendable {
    /// 32 hexadecimal digits.
    package var salt: String
    package var admin: String
    package var join: String
    package var read: String

    package init(salt: String, admin: String, join: String, read: String) {
        (self.salt, self.admin, self.join, self.read) = (salt, admin, join, read)
    }

    /// The field `fleetTokens` of the answer to a joining.
    init(_ value: JSONValue) throws(Problem) {
        var fields = try JSONFields(value, path: "fleetTokens.")
        salt = try fields.required("salt", fields.string("salt"))
        admin = try fields.required("admin", fields.string("admin"))
        join = try fields.required("join", fields.string("join"))
        read = try fields.required("read", fields.string("read"))
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("salt", salt)
        json.field("admin", admin)
        json.field("join", join)
        json.field("read", read)
        json.endObject()
    }
}
